/**
 * Reports that hold everything a report can hold. The types below make the compiler insist: a property or a value that
 * is added to `Report` and is missing here is a compile error, and what is here is then checked against the schema.
 */
import { parseAnswersFile } from '../../src/answers/file.ts';
import { run } from '../../src/core/engine.ts';
import { EXIT, type ExitCode } from '../../src/core/errors.ts';
import type { ChangeReport, DriftLink, Finding, Mode, Report, StepReport } from '../../src/core/report.ts';
import type { Severity, Verdict } from '../../src/core/step.ts';
import { exitCode, verdictSentence } from '../../src/core/verdict.ts';
import type { ReportContext } from '../../src/report/formats.ts';
import { product } from '../../steps/index.ts';
import { blindHost } from '../fakes/blind-host.ts';

/** `T` with every property present, at any depth. */
type Complete<T> = T extends readonly (infer U)[]
  ? readonly Complete<U>[]
  : T extends object
    ? { readonly [K in keyof T]-?: Complete<T[K]> }
    : T;
/** `T` without its optional properties. */
type Bare<T> = { readonly [K in keyof T as Record<never, never> extends Pick<T, K> ? never : K]: T[K] };

export const verdicts: { readonly [K in Verdict['is']]: Complete<Extract<Verdict, { is: K }>> } = {
  pass: { is: 'pass', observed: 'TLS 1.3, server verified' },
  fail: { is: 'fail', observed: 'mode 0644', expected: 'mode 0600', cause: 'changed by hand' },
  unknown: { is: 'unknown', because: 'the engine does not answer', awaits: 'docker.reachable' },
  attest: { is: 'attest', ask: 'where the copy of the key is kept' },
  skip: { is: 'skip', because: 'the database is bundled' },
};

/** Every value of every enumeration, by the compiler's word. */
export const values = {
  mode: { apply: true, plan: true, verify: true, files: true } satisfies Record<Mode, true>,
  exit: Object.fromEntries(Object.values(EXIT).map((code) => [code, true])) as Record<ExitCode, true>,
  severity: { required: true, advised: true } satisfies Record<Severity, true>,
  link: {
    'edited-by-hand': true,
    'edited-not-applied': true,
    'changed-at-run-time': true,
    'changed-by-update': true,
    'never-applied': true,
  } satisfies Record<DriftLink, true>,
  outcome: {
    held: true,
    applied: true,
    planned: true,
    declined: true,
    stopped: true,
    looked: true,
    'not-reached': true,
  } satisfies Record<StepReport['outcome'], true>,
  status: { planned: true, done: true, failed: true, declined: true, 'not-reached': true } satisfies Record<
    ChangeReport['status'],
    true
  >,
};

const DIFF = [
  '--- compose.yaml',
  '+++ compose.yaml',
  '@@ -10,3 +10,3 @@',
  '     image: app',
  '-    read_only: true',
  '+    read_only: false',
].join('\n');

export const fullFinding: Complete<Finding> = {
  control: 'compose.read-only',
  title: 'Every root file system is declared read-only',
  step: 'compose',
  severity: 'required',
  section: 'docker-security',
  refs: ['CIS Docker 5.13', 'CWE-732'],
  threat: 'An intruder in a container could change its programs and stay.',
  remedy: 'Apply puts compose.yaml right.',
  impact: 'The container is recreated.',
  manual: true,
  verdict: { is: 'skip', because: 'waived by J. Doe until 2027-01-31 (upgrade; instead: a watch)' },
  duration: 12,
  waived: verdicts.fail,
  exception: {
    control: 'compose.read-only',
    reason: 'The plug-in writes beside its binary until the upgrade.',
    owner: 'J. Doe, platform team',
    compensating: 'A file watch alerts on writes below /app.',
    expires: '2027-01-31',
    where: 'waivers.yaml:3:5',
  },
  drift: { link: 'edited-by-hand', detail: 'compose.yaml against what this tool wrote', diff: DIFF },
};

export const bareFinding: Bare<Finding> = {
  control: 'pg.tls-in-use',
  title: 'Connections to the database are encrypted',
  step: 'compose',
  severity: 'required',
  section: 'postgresql-security',
  refs: [],
  threat: 'The network reads along.',
  remedy: 'Run apply again.',
  verdict: verdicts.pass,
  duration: 3,
};

/** A finding with that verdict; `more` overrides. Ids follow the verdict and the severity. */
export const findingWith = (is: Verdict['is'], severity: Severity, more: Partial<Finding> = {}): Finding => ({
  ...bareFinding,
  control: `area.${is}-${severity}`,
  title: `It is so (${is}, ${severity})`,
  severity,
  verdict: verdicts[is],
  ...more,
});

/** Every verdict in both severities, waived and not, over three sections. */
export const allFindings: readonly Finding[] = (['required', 'advised'] as const).flatMap((severity, i) =>
  (Object.keys(verdicts) as Verdict['is'][]).flatMap((is, j) => {
    const section = ['tls', 'docker-security', 'operation'][(i + j) % 3] as string;
    const plain = findingWith(is, severity, { section });
    if (is === 'pass' || is === 'skip') return [plain];
    const drift = { link: 'changed-at-run-time', detail: 'the container, against compose.yaml' } as const;
    return [
      is === 'fail' ? { ...plain, drift } : plain,
      {
        ...plain,
        control: `${plain.control}-waived`,
        verdict: { is: 'skip', because: 'waived with --skip' },
        waived: verdicts[is],
      } satisfies Finding,
    ];
  }),
);

const fullStep: Complete<StepReport> = {
  id: 'compose',
  title: 'Compose',
  outcome: 'looked',
  findings: [fullFinding],
  changes: [
    {
      id: 'compose.write',
      summary: 'write compose.yaml',
      diff: DIFF,
      irreversible: true,
      disrupts: 'the service is recreated',
      status: 'failed',
      error: 'the disk is full',
    },
  ],
  duration: 1234,
};

const fullReport: Complete<Report> = {
  schema: 2,
  tool: { name: 'create-some-secure', version: '1.2.3' },
  mode: 'verify',
  dir: '/srv/app',
  startedAt: '2026-11-26T10:00:00.000Z',
  finishedAt: '2026-11-26T10:00:02.500Z',
  exit: 1,
  policy: { failOn: 'advised', exitZero: false },
  verdict: '2 required controls fail.',
  stopped: { step: 'compose', reason: 'it did not start', fix: 'start it', log: ['line one', 'line two'] },
  selection: { only: ['tls.*'], sections: ['tls'], severity: 'required', looked: 3, of: 168 },
  delta: {
    since: '2026-11-25T10:00:00.000Z',
    new: ['area.fail-required'],
    fixed: ['area.pass-required'],
    open: ['area.unknown-required'],
  },
  outside: {
    target: 'https://app.example',
    roots: ['AB:CD'],
    addresses: [{ address: '192.0.2.1', from: '192.0.2.7', certificate: 'EF:01' }],
  },
  answers: [{ question: 'domain', value: 'app.example', source: 'answers file' }],
  steps: [fullStep],
};

/** With every property there is, and every kind of verdict. */
export const full: Report = {
  ...fullReport,
  steps: [{ ...fullStep, findings: [fullFinding, ...allFindings] }],
};

export const bare: Bare<Report> = {
  schema: 2,
  tool: fullReport.tool,
  mode: 'verify',
  dir: '/srv/app',
  startedAt: fullReport.startedAt,
  finishedAt: fullReport.finishedAt,
  exit: 0,
  verdict: 'Every required control that applies is proved (1).',
  answers: [],
  steps: [
    {
      id: 'database',
      title: 'Database',
      outcome: 'looked',
      findings: [bareFinding],
      changes: [],
      duration: 3,
    },
  ],
};

/** A verify with these findings, judged as the engine judges. */
export function judged(findings: readonly Finding[], more: Partial<Report> = {}, failOn?: Severity): Report {
  const steps: StepReport[] = [
    { id: 'compose', title: 'Compose', outcome: 'looked', findings, changes: [], duration: 20 },
  ];
  const exit = exitCode('verify', steps, more.stopped !== undefined, failOn);
  const policy = failOn === undefined ? {} : { policy: { failOn, exitZero: false } };
  return { ...bare, steps, exit, ...policy, verdict: verdictSentence('verify', exit, steps), ...more };
}

/** A report of the engine over the real product on a host where nothing can be seen. */
export const blindReport = (): Promise<Report> =>
  run({
    mode: 'verify',
    steps: product.steps,
    questions: product.questions,
    known: parseAnswersFile(
      [
        'image: app:1',
        'domain: app.example',
        'tls: internal',
        'adminRanges: [192.0.2.0/24]',
        'adminEmail: a@app.example',
      ].join('\n'),
      'answers',
      product.questions,
    ).known,
    host: blindHost(),
    frontend: {
      interactive: false,
      ask: async () => ({ is: 'cancel' }),
      decide: async () => ({ is: 'stop' }),
      emit: () => {},
    },
    skip: new Set(['compose.read-only']),
    signal: new AbortController().signal,
    tool: { name: product.name, version: product.version },
    dir: '/srv/blind',
  });

export const context: ReportContext = {
  sections: product.sections,
  now: new Date('2026-11-26T12:00:00Z'),
  style: { colour: false, unicode: true, width: 80, verbose: true, planning: false },
};
