/** Modes and owners of files: from what this tool gives them to what they have. */
import type { FileStat } from '../../src/core/host.ts';
import type { Drift } from '../../src/core/report.ts';
import { broken, type Look, provedBy } from './context.ts';
import { wasMade } from './files.ts';

interface Access {
  readonly mode: number;
  /** Who may own it; anybody when it is left out. */
  readonly owners?: ReadonlySet<number>;
  /** Bits that are wrong when set; left out: any other mode is wrong. */
  readonly wrong?: number;
  /** Bits that are wrong when not set. */
  readonly needed?: number;
  /** Change that gives the file its access: without it nothing was ever given. */
  readonly change: string;
}

const octal = (mode: number): string => `0${mode.toString(8)}`;

/** The cause of a file's wrong mode, owner or kind; undefined when these are right or were never set here. */
export async function accessDrift(
  look: Look,
  control: string,
  path: string,
  access: Access,
): Promise<Drift | undefined> {
  const stat = await look.host.stat(path);
  if (!stat || !isWrong(stat, access)) return undefined;
  const wasRight = look.memory.last ? provedBy(look, control) : wasMade(look, access.change) === 'written';
  if (!wasRight) return undefined;
  if (stat.kind !== 'file' && stat.kind !== 'directory')
    return broken('edited-by-hand', `${path} is a ${stat.kind} now; this tool made it a file of its own.`);
  const [owner] = access.owners ?? [];
  const given = `mode ${octal(access.mode)}${owner === undefined ? '' : `, owner ${owner}`}`;
  const has = `mode ${octal(stat.mode)}, owner ${stat.uid}`;
  return broken('edited-by-hand', `${path} was given ${given} by this tool and has ${has} now.`);
}

function isWrong(stat: FileStat, { mode, owners, wrong, needed = 0 }: Access): boolean {
  if (stat.kind === 'symlink' || stat.kind === 'other') return true;
  if (owners && !owners.has(stat.uid)) return true;
  return wrong === undefined
    ? stat.mode !== mode
    : (stat.mode & wrong) !== 0 || (stat.mode & needed) !== needed;
}
