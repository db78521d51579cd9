import { wrap } from '../report/text.ts';
import { type EvidenceResult, inWords } from './result.ts';

/** The results of `verify --evidence` as JSON, schema 1: one as an object, several as an array. Ends with a line break. */
export function renderEvidenceJson(results: readonly EvidenceResult[]): string {
  return `${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`;
}

/** The result of `verify --evidence` as text. Ends with a line break. */
export function renderEvidence(result: EvidenceResult): string {
  const lines: string[] = [];
  const row = (label: string, text: string) => {
    const [first = '', ...rest] = wrap(text, 62);
    lines.push(`  ${label.padEnd(10)}  ${first}`, ...rest.map((l) => `${' '.repeat(14)}${l}`));
  };
  const { first, last, signatures, anchor } = result;
  lines.push(result.verdict, '');
  row('file', result.files > 1 ? `${result.file} and ${result.files - 1} closed before it` : result.file);
  if (first && last) {
    row('records', `${result.records}, from ${first.time} to ${last.time}`);
    row('last', `record ${last.sequence}, hash`);
    lines.push(`${' '.repeat(14)}${last.hash}`);
  }
  if (signatures.good > 0 || signatures.checked === 'signers') {
    const by = Object.entries(signatures.by).map(([who, n]) => `${n} by ${who}`);
    row('signed', by.length > 0 ? by.join(', ') : 'none');
    if (signatures.upTo !== undefined && result.breaks.length === 0)
      row('', `the signature of record ${signatures.upTo} covers every record before it`);
    if (signatures.checked === 'integrity')
      row('', 'whose key that is was not asked: give the list of signers with --signers FILE');
  }
  if (anchor?.sequence !== undefined && result.breaks.length === 0)
    row(
      'anchor',
      first && anchor.sequence < first.sequence
        ? `the hash that you kept is record ${anchor.sequence}, the last one before these: they follow what was moved away`
        : `the hash that you kept is record ${anchor.sequence}: everything up to it is as it was then`,
    );
  for (const found of result.breaks) {
    lines.push('', found.line === 0 ? '  Broken' : `  Broken in ${inWords(found)}`);
    row('  seen', found.seen);
    row('  expected', found.expected);
  }
  for (const { because, ...at } of result.notSeen) {
    lines.push('');
    row('not seen', at.line === undefined ? because : `${inWords(at)}: ${because}`);
  }
  for (const notice of result.notices) {
    lines.push('');
    row('notice', notice);
  }
  lines.push('');
  if (result.breaks.length > 0) {
    row(
      'fix',
      result.files > 1
        ? 'Keep its files as they are, in another directory, for whoever asks; the next verify begins a new chain.'
        : 'Keep the file as it is, under another name, for whoever asks; the next verify begins a new chain.',
    );
    row(
      'impact',
      'What stands before the first break is proved; nothing is claimed about what stands after it.',
    );
  } else if (last && anchor?.sequence === undefined) {
    row(
      'limit',
      'Records that were cut off at the end cannot be seen from the file alone. Keep the last hash elsewhere and hand it back with --expect HASH.',
    );
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
