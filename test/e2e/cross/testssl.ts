/** testssl.sh, the Debian package: how it is run, and what of its findings is a warning. */
import { join } from 'node:path';
import type { Place } from '../../bed/index.ts';
import { readFindings, type TestsslFinding } from './collect.ts';
import { type Judged, pass, warn } from './types.ts';

/** What testssl.sh itself calls no trouble. */
const GOOD = ['OK', 'INFO'];

export interface Run {
  readonly name: string;
  /** `name:port` or a URL. */
  readonly target: string;
  readonly address: string;
  readonly ca: string;
  readonly startTls?: 'postgres';
}

/**
 * Protocols, cipher categories, forward secrecy and the certificate; of a web server also its preferences, its headers and
 * every vulnerability that is known. Names are not looked up and third parties not asked.
 */
export async function runTestssl(place: Place, run: Run, dir: string): Promise<readonly TestsslFinding[]> {
  const sections = ['-p', '-s', '-f', '-S', ...(run.startTls ? ['-t', run.startTls] : ['-P', '-h', '-U'])];
  const argv = [
    'testssl',
    '--quiet',
    '--color',
    '0',
    '--warnings',
    'off',
    '--nodns',
    'none',
    '--add-ca',
    run.ca,
  ];
  const file = join(dir, `${run.name}.json`);
  const { exitCode, stdout, stderr } = await place.run(
    [...argv, '--ip', run.address, '--jsonfile', file, ...sections, run.target],
    {
      timeoutMs: 400_000,
    },
  );
  // Up to 200 it counts findings; from 242 on it could not do its work.
  if (exitCode < 0 || exitCode >= 242)
    throw new Error(`testssl.sh ended with ${exitCode}:\n${stdout}${stderr}`);
  return readFindings(dir, run.name);
}

export const judgeTestssl = (findings: readonly TestsslFinding[]): readonly Judged[] =>
  findings.map((f) => ({
    item: f.id,
    ...(GOOD.includes(f.severity) ? pass(f.finding) : warn(`${f.severity}: ${f.finding}`)),
  }));
