/** Which files of an install others can read, and which of them nobody can look into. */
import type { FileStat, HostReader } from '../../src/core/host.ts';
import { PATH } from '../shared/layout.ts';

export interface ReadableFile {
  readonly path: string;
  /** False where only a group of its owner's own can read it (`isWrittenByOthers` says why that is nobody else). */
  readonly byStrangers: boolean;
}

export interface ReadableFiles {
  readonly files: readonly ReadableFile[];
  /** False when there is more than is looked at. */
  readonly complete: boolean;
}

/** Files and directories that are looked at; an operator may keep a whole site here. */
const MOST = 5000;
const READ = 0o044;
/** A directory that others can enter: whoever knows a name in it needs no right to list it. */
const ENTER = 0o011;
/** What a container is given as a directory: in there the mode protects nothing. */
const HANDED: readonly string[] = [PATH.caddyDir, PATH.postgresDir];
/** The originals, and the file of the connection URLs: who may read them is what other controls say. */
const ORIGINALS = new Set<string>([
  PATH.env,
  ...Object.values(PATH).filter((path) => path.startsWith(`${PATH.secrets}/`)),
]);

const byStrangers = ({ mode, uid, gid }: FileStat): boolean =>
  (mode & 0o004) !== 0 || ((mode & 0o040) !== 0 && gid !== uid);

/** Every file below the install's directory that others can read: by the modes on the way, or in a container. */
export async function readableFiles(host: HostReader): Promise<ReadableFiles> {
  const files: ReadableFile[] = [];
  const own = await host.stat('.');
  const folders = [...HANDED];
  // Nobody gets to a file in a directory that nobody can enter.
  if (own && (own.mode & ENTER) !== 0) folders.push('.');
  let left = MOST;
  for (let folder = folders.pop(); folder !== undefined && left > 0; folder = folders.pop()) {
    const handed = HANDED.some((dir) => folder === dir || folder?.startsWith(`${dir}/`));
    const names = (await host.list(folder)) ?? [];
    left -= names.length;
    for (const name of names.slice(0, left < 0 ? left : undefined)) {
      const path = folder === '.' ? name : `${folder}/${name}`;
      if (ORIGINALS.has(path) || HANDED.includes(path)) continue;
      const stat = await host.stat(path);
      if (stat?.kind === 'directory' && (handed || (stat.mode & ENTER) !== 0)) folders.push(path);
      if (stat?.kind === 'file' && (handed || (stat.mode & READ) !== 0))
        files.push({ path, byStrangers: handed || byStrangers(stat) });
    }
  }
  return { files, complete: left >= 0 && folders.length === 0 };
}

/** The first bytes of what gzip, bzip2, xz, zstd, zip and 7-Zip write, as text in which U+FFFD stands for a byte that is none. */
const PACKED = ['\x1f\ufffd\b', 'BZh', '\ufffd7zXZ', '(\ufffd/\ufffd', 'PK\x03\x04', "7z\ufffd\ufffd'"];

/** Those of the files that are packed: what is in them cannot be searched. */
export async function packedFiles(host: HostReader, paths: readonly string[]): Promise<readonly string[]> {
  if (paths.length === 0) return [];
  const full = paths.map((path) => `${host.dir}/${path}`);
  const { code, stdout, stderr } = await host.query(['head', '-v', '-c', '6', '--', ...full]);
  if (code !== 0)
    throw new Error(`the files cannot be looked at: ${stderr.trim().split('\n').at(-1) || code}`);
  let at = 0;
  return paths.filter((_, i) => {
    const title = `==> ${full[i]} <==\n`;
    const found = stdout.indexOf(title, at);
    if (found < 0) throw new Error(`nothing was shown of ${paths[i]}`);
    at = found + title.length;
    return PACKED.some((start) => stdout.startsWith(start, at));
  });
}
