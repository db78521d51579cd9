/**
 * The page's only style sheet: whitespace is the frame, a colour is a word. Text colours keep a contrast of 4.5 to 1 and
 * more against their ground (WCAG 2.2, 1.4.3), which a test computes from these very values.
 */
export const PALETTE = {
  light: {
    ground: '#fdfdfc',
    soft: '#f3f4f2',
    line: '#dcdfdc',
    text: '#1b2024',
    dim: '#5a636b',
    accent: '#0a6680',
    pass: '#1a7037',
    fail: '#b3261e',
    unknown: '#855300',
  },
  dark: {
    ground: '#14181b',
    soft: '#1d2327',
    line: '#343c42',
    text: '#e4e8ea',
    dim: '#9ba6ae',
    accent: '#72c8e0',
    pass: '#6cc98a',
    fail: '#ff938a',
    unknown: '#e8b866',
  },
} as const;

const variables = (palette: Readonly<Record<string, string>>): string =>
  Object.entries(palette)
    .map(([name, value]) => `--${name}:${value};`)
    .join('');

export const STYLE = `:root{color-scheme:light dark;${variables(PALETTE.light)}}
@media (prefers-color-scheme:dark){:root{${variables(PALETTE.dark)}}}
*{box-sizing:border-box}
html{font:16px/1.55 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif;background:var(--ground);color:var(--text);-webkit-text-size-adjust:100%;scroll-behavior:auto}
body{max-width:66rem;margin:0 auto;padding:3.5rem 2rem 4rem;overflow-wrap:anywhere}
h1,h2,h3,h4{line-height:1.25;font-weight:600;margin:0;text-wrap:balance}
h1{font-size:1.9rem;letter-spacing:-.01em;max-width:46rem}
h2{font-size:1.3rem;margin-bottom:1rem}
h3{font-size:1.05rem}
h4,h5{font-size:1rem;margin:0}
p{margin:0 0 .75rem}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:.18em}
a:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
code,pre{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
section,article.install{margin-top:3.5rem}
section section,section article{margin-top:2rem}
.tool{color:var(--dim);margin-bottom:.75rem}
.tone{display:block;font-size:1rem;letter-spacing:0;margin-bottom:.35rem}
.good,.pass{color:var(--pass)}.bad,.fail{color:var(--fail)}
.unclear,.unknown,.attest,.waived{color:var(--unknown)}
.pending{color:var(--accent)}.skip,.dim,.meta,.rule,.zero{color:var(--dim)}
.state{white-space:nowrap;font-weight:500}
.meta{font-size:.86rem;font-weight:400}
.meta code,.meta>span{margin-right:.6rem}
dl{margin:0}
dl>div{display:grid;grid-template-columns:6.5rem 1fr;gap:0 1rem;padding:.12rem 0}
dt{color:var(--dim)}
dd{margin:0;min-width:0}
.facts{margin-top:1.5rem}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.35rem 1.4rem;padding:0;margin:1.75rem 0 0}
.score{font-size:1.15rem;margin-bottom:.6rem}
.score strong{font-size:1.9rem;font-weight:600;letter-spacing:-.01em}
.bar{display:block;width:100%;height:.6rem;margin:.25rem 0 .6rem}
.bar .pass{fill:var(--pass)}.bar .fail{fill:var(--fail)}.bar .unknown{fill:var(--unknown)}
.bar .attest{fill:var(--unknown);opacity:.7}.bar .waived{fill:var(--unknown);opacity:.45}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;margin-bottom:1.25rem}
.rule{max-width:46rem;font-size:.94rem}
table{width:100%;border-collapse:collapse;font-size:.94rem}
caption{text-align:left;font-weight:600;padding:1.5rem 0 .4rem}
th,td{text-align:left;vertical-align:top;padding:.5rem 1.25rem .5rem 0;font-weight:400}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--dim);font-size:.86rem;border-bottom:1px solid var(--line);vertical-align:bottom}
tbody tr+tr>*{border-top:1px solid var(--soft)}
.sums th+th,.sums td{text-align:right;font-variant-numeric:tabular-nums;width:5.2rem}
.sums tfoot>tr>*{border-top:1px solid var(--line);font-weight:600}
.sums tbody td,.sums tbody th{padding-top:.3rem;padding-bottom:.3rem}
.controls{table-layout:fixed}
.controls thead th:nth-child(1){width:8.6rem}.controls thead th:nth-child(3){width:38%}.controls thead th:nth-child(4){width:4.2rem}
.controls th .meta,.rows .meta{display:block}
.controls tr:target>*{background:var(--soft)}
.controls td{font-size:.9rem}
.took{text-align:right;color:var(--dim);white-space:nowrap;font-variant-numeric:tabular-nums}
.controls thead th:last-child{text-align:right}
.sum{color:var(--dim);font-weight:400;font-size:.94rem;margin-left:.6rem}
.guide{margin-top:2.5rem}.guide h3,.guide h4{margin-bottom:.4rem}
details{font-size:.86rem;margin-top:.15rem}
summary{color:var(--dim);cursor:pointer;width:max-content;max-width:100%}
details dl{padding:.3rem 0 .4rem}details dl>div{display:block}details dt{display:inline}details dt::after{content:": "}details dd{display:inline}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.item{border-left:2px solid;padding-left:1.25rem}
.item>:not(.meta){color:var(--text)}.item .meta{margin:.15rem 0 .5rem;color:var(--dim)}.item>p.meta{color:var(--dim)}
pre{margin:.75rem 0 0;padding:.75rem 1rem;background:var(--soft);overflow-x:auto;border-radius:.25rem;overflow-wrap:normal}
.diff .added{color:var(--pass)}.diff .removed{color:var(--fail)}.diff .head{color:var(--dim)}
.item dd ul,section dd ul{list-style:none;margin:0;padding:0}
.states>div{grid-template-columns:9rem 1fr}
.changes{padding-left:1.1rem}
.boxes{list-style:none;padding:0}.boxes li::before{content:"\\2610";margin-right:.6rem}
.sign table{max-width:60rem;table-layout:fixed}.sign tbody>tr>*{height:4rem;vertical-align:bottom;border-bottom:1px solid var(--dim)}
footer{margin-top:4rem;color:var(--dim);font-size:.86rem}
.verdict{font-size:1.1rem;margin-top:.75rem}
@media (max-width:46rem){
body{padding:1.75rem 1.1rem 2.5rem}
h1{font-size:1.45rem}
section,article.install{margin-top:2.75rem}
dl>div{grid-template-columns:5rem 1fr}
.sums tr{display:grid;grid-template-columns:repeat(7,1fr);border-top:1px solid var(--soft)}
.sums tr>*,.sums thead th{border:0;padding:.15rem 0;width:auto;font-size:.78rem;text-align:right}
.sums th[scope=row]{grid-column:1/-1;text-align:left;font-size:.94rem;padding-top:.4rem}
.sums thead tr{align-items:end}.sums thead th:first-child{display:none}
.sums td{padding-bottom:.4rem}.sums tfoot tr{border-top:1px solid var(--line)}.sums tfoot tr>*{border:0}
.controls thead,.rows thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.controls,.controls tbody,.rows,.rows tbody,.rows tr,.rows tr>*{display:block}
.controls tr{display:grid;grid-template-columns:1fr auto;padding:.6rem 0;border-top:1px solid var(--soft)}
.controls tr>*,.rows tr>*{border:0;padding:0}
.controls th,.controls tr>td:nth-child(3){grid-column:1/-1}
.controls tr>td:first-child{order:0}.controls .took{order:1}.controls th{order:2}.controls tr>td:nth-child(3){order:3;padding-top:.2rem}
.rows tr{padding:.6rem 0;border-top:1px solid var(--soft)}
.rows td::before{content:attr(data-label) " ";color:var(--dim)}
.item{padding-left:.9rem}
.sum{display:block;margin-left:0}
}
@media print{
:root{${variables(PALETTE.light)}--ground:#fff;--soft:#f3f3f3}
@page{margin:16mm 15mm 18mm}
html{font-size:10pt;background:#fff;-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{max-width:none;padding:0}
nav,summary{display:none}
table{font-size:9pt}td,th{padding-top:.3rem;padding-bottom:.3rem}.controls td{font-size:8.5pt}
details{font-size:7.5pt;color:var(--dim);margin:0}details dl{padding:0}details dl>div{display:inline;padding:0}details dl>div+div::before{content:" "}.controls thead th:nth-child(3){width:50%}
details::details-content{content-visibility:visible;block-size:auto;display:block}
a{color:inherit;text-decoration:none}
h2,h3,h4,caption,thead{break-after:avoid}
tr,.item,.sign,dl>div{break-inside:avoid}
thead{display:table-header-group}
section{margin-top:1.75rem}.guide{margin-top:1.25rem}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
}
`;
