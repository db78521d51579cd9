/** Files that this tool renders from the answers: who made them differ from today's rendering. */
import type { Drift } from '../../src/core/report.ts';
import hba from '../../templates/pg_hba.conf?raw';
import { NEEDS as COMPOSE_NEEDS, desiredText } from '../compose/render.ts';
import type { Answers, QuestionId } from '../questions.ts';
import { renderCaddyfile } from '../shared/caddy.ts';
import { PATH } from '../shared/layout.ts';
import { VERSION } from '../shared/version.ts';
import { broken, describeDiff, describeDiffering, earlierAnswers, type Look, safeDiff } from './context.ts';
import { fingerprint, when } from './memory.ts';

/** A file that is made of answers. */
export interface Rendered {
  readonly path: string;
  /** The answers that it is made of. */
  readonly needs: readonly QuestionId[];
  /** Change that writes it. */
  readonly change: string;
  render(look: Look, answers: Answers): Promise<string>;
}

export const COMPOSE: Rendered = {
  path: PATH.compose,
  needs: COMPOSE_NEEDS,
  change: 'compose.write',
  render: ({ host }, answers) => desiredText(host, answers),
};
export const CADDYFILE: Rendered = {
  path: PATH.caddyfile,
  needs: [
    ...(['domain', 'tls', 'acmeEmail', 'acmeDirectory', 'acmeRoot', 'adminRanges'] as const),
    ...(['publicPaths', 'httpsPort', 'maxUploadMb'] as const),
  ],
  change: 'proxy.write-config',
  render: async (_, answers) => renderCaddyfile(answers),
};
export const ACCESS_RULES: Rendered = {
  path: PATH.hba,
  needs: [],
  change: 'database.access-rules',
  render: async () => hba,
};

export type FileState =
  /** As this tool would write it today. `touched`: not as it wrote it last, so a person added something that may stay. */
  | { readonly is: 'as-rendered'; readonly touched: boolean }
  | { readonly is: 'edited'; readonly diff: string; readonly wanted: string }
  /** `answers` or this tool moved on, and the file was not written since. */
  | {
      readonly is: 'behind';
      readonly by: 'answers' | 'version';
      readonly detail: string;
      readonly wanted?: string;
    }
  | { readonly is: 'missing'; readonly was: 'written' | 'never' | 'unknown' }
  | { readonly is: 'untold' };

/** Compares rendering, memory and file; judged once per snapshot. `untold`: it differs, and nothing says why. */
export function stateOf(file: Rendered, look: Look): Promise<FileState> {
  return look.host.once(`drift file ${file.path}`, () => judge(file, look));
}

async function judge(file: Rendered, look: Look): Promise<FileState> {
  const { host, memory } = look;
  const found = await host.readText(file.path);
  const wrote = memory.written.get(file.path);
  if (found === undefined) return { is: 'missing', was: wasMade(look, file.change) };
  // A new image whose generation is not known yet makes the rendering of today impossible, not that of before.
  const wanted = await file.render(look, look.answers).catch(() => undefined);
  const untouched = wrote && wrote.sha256 === fingerprint(found);
  if (found === wanted) return { is: 'as-rendered', touched: wrote !== undefined && !untouched };
  const known = wanted === undefined ? {} : { wanted };

  const earlier = await earlierAnswers(look, file.needs);
  if (earlier) {
    const rendered = await file.render(look, earlier.answers).catch(() => undefined);
    const since = `${describeDiffering(earlier.differing)} from those of the last apply`;
    const detail = `${since}, and ${file.path} was not written since.`;
    if (rendered === found || (rendered !== undefined && untouched && wrote.version === VERSION))
      return { is: 'behind', by: 'answers', detail, ...known };
    // Something else differs too; what it is cannot be told apart from the answers.
    if (rendered === undefined) return { is: 'untold' };
  }
  if (untouched) {
    const by = wrote.version === VERSION ? 'answers' : 'version';
    const detail =
      by === 'version'
        ? `${file.path} is as version ${wrote.version} of this tool wrote it on ${when(wrote.at)}; version ${VERSION} writes it differently.`
        : `${file.path} is as this tool wrote it on ${when(wrote.at)}; for the answers of today it writes it differently.`;
    return { is: 'behind', by, detail, ...known };
  }
  if (wanted === undefined) return { is: 'untold' };
  const { last } = memory;
  // The same version found nothing to repair in this file, or wrote another text than the one that lies there.
  const known1 =
    wrote?.version === VERSION || (last?.version === VERSION && (!earlier || wrote !== undefined));
  return known1 ? { is: 'edited', diff: safeDiff(file.path, wanted, found), wanted } : { is: 'untold' };
}

/** Whether a change was ever made here, as the journal tells. */
export function wasMade({ memory }: Look, ...changes: readonly string[]): 'written' | 'never' | 'unknown' {
  if (changes.some((change) => memory.made.has(change))) return 'written';
  return memory.isWhole ? 'never' : 'unknown';
}

/** ` on 2026-11-24 10:48 UTC`, when it is remembered. */
export function writtenOn({ memory }: Look, file: Rendered): string {
  const at = memory.written.get(file.path)?.at;
  return at ? `; this tool wrote it on ${when(at)}` : '';
}

/** The cause of a file that is not as it should be. `follows`: whether what runs has what the file says. */
export async function fileDrift(
  file: Rendered,
  look: Look,
  runs: { readonly follows: boolean | undefined; readonly what: string },
): Promise<Drift | undefined> {
  const state = await stateOf(file, look);
  switch (state.is) {
    case 'missing':
      return missing(file.path, state.was);
    case 'behind':
      return broken(
        state.by === 'version' ? 'changed-by-update' : 'never-applied',
        state.detail,
        state.wanted === undefined
          ? ''
          : safeDiff(file.path, state.wanted, (await look.host.readText(file.path)) ?? ''),
      );
    case 'edited':
      return edited(describeDiff(file.path, state.diff) + writtenOn(look, file), runs, state.diff);
    case 'as-rendered':
      return state.touched
        ? edited(`${file.path} is not as this tool left it${writtenOn(look, file)}`, runs)
        : undefined;
    default:
      return undefined;
  }
}

/** An edit by hand, with what runs in a second sentence. */
export function edited(
  what: string,
  runs: { readonly follows: boolean | undefined; readonly what: string },
  diff?: string,
): Drift {
  if (runs.follows === false)
    return broken('edited-not-applied', `${what}. ${runs.what} has not followed.`, diff);
  return broken('edited-by-hand', `${what}.${runs.follows ? ` ${runs.what} has it too.` : ''}`, diff);
}

/** The cause of a file that is not there. */
export function missing(path: string, was: 'written' | 'never' | 'unknown'): Drift | undefined {
  if (was === 'unknown') return undefined;
  return was === 'never'
    ? broken('never-applied', `${path} was never written here.`)
    : broken('edited-by-hand', `${path} was written by this tool and has been removed since.`);
}
