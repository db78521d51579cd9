import { createHash, randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type {
  CommandOptions,
  CommandResult,
  Host,
  HostReader,
  HostSource,
  SharedLooks,
} from '../core/host.ts';
import { redact, Secret } from '../core/secret.ts';
import { requireLooking, runCommand } from './commands.ts';
import { engineApi } from './engine-api.ts';
import {
  backUp,
  ensureDirectory,
  listDirectory,
  ownerChanger,
  readText,
  realPath,
  removeFile,
  replaceFile,
  setAccess,
  statFile,
} from './files.ts';
import { sendHttp } from './http.ts';
import { fileJournal, noJournal } from './journal.ts';
import { ownAddresses, probeTcp, resolveName, tcpListeners } from './network.ts';
import { ownedFiles } from './owned-files.ts';
import { rehearse } from './rehearse.ts';
import { asksTheMachine, share } from './shared-looks.ts';
import { readSql, writeSql } from './sql.ts';
import { systemFacts } from './system.ts';
import { shakeHands } from './tls.ts';

export interface HostOptions {
  /** Absolute path of the install directory; it need not exist for looking. */
  readonly dir: string;
  /** Below `dir`: where replaced files are kept, one folder per run. */
  readonly backups: string;
  /** Below `dir`; absent: nothing is journalled. */
  readonly journal?: string;
  /** Version that is journalled with the hash of each public file that is written; absent: none is. */
  readonly version?: string;
  /** Below `dir`: nothing there is ever hashed into the journal, whoever may read it. */
  readonly secretPaths?: readonly string[];
  /** Label of every helper container. */
  readonly helperLabel: string;
  /** A local image with a shell's usual programs, for work on files of another uid. */
  readonly helperImage: () => string | undefined;
  /** What several installs that are looked at in one call share about the machine; absent: each snapshot looks itself. */
  readonly machine?: SharedLooks;
}

/** The real host: the only way of this tool to touch the world. */
export function createHostSource(options: HostOptions): HostSource {
  const { dir } = options;
  const at = (path: string) => (isAbsolute(path) ? path : resolve(dir, path));
  const engine = engineApi();
  const owned = ownedFiles(options.helperImage, options.helperLabel);
  const owner = ownerChanger(owned.changeOwner);
  const backups = join(dir, options.backups, new Date().toISOString().replaceAll(/[:.]/g, '-'));

  /** @param remembers false within a change: the world moves, so every look is made anew */
  const eyes = (signal: AbortSignal, remembers: boolean): HostReader => {
    // Dozens of looks side by side listen to one signal; Node would take that for a leak and say so on stderr.
    setMaxListeners(0, signal);
    const looks: SharedLooks = new Map();
    const machine: SharedLooks = options.machine ?? new Map();
    const once: typeof share = remembers ? share : (_looks, _key, look) => look();
    const ask = async (argv: readonly string[], commandOptions?: CommandOptions): Promise<CommandResult> => {
      const direct = commandOptions?.input === undefined && commandOptions?.env === undefined;
      const answer = direct ? await engine.look(argv, commandOptions?.timeoutMs ?? 15_000) : undefined;
      return answer ?? runCommand(argv, { signal, ...commandOptions });
    };
    return {
      dir,
      now: () => new Date(),
      env: (name) => process.env[name],
      readText: (path) => readText(at(path)),
      readSecret: async (path) => {
        const text = await readText(at(path)).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'EACCES') return owned.readSecret(at(path));
          throw error;
        });
        return typeof text === 'string' ? new Secret(text) : text;
      },
      stat: (path) => statFile(at(path)),
      list: (path) => listDirectory(at(path)),
      realPath: (path) => realPath(at(path)),
      async query(argv, commandOptions) {
        requireLooking(argv);
        return asksTheMachine(argv) && commandOptions === undefined
          ? once(machine, argv.join(' '), () => ask(argv))
          : ask(argv, commandOptions);
      },
      sql: readSql,
      http: (request) => sendHttp(request, signal),
      tls: shakeHands,
      tcp: probeTcp,
      rehearse: (request) => rehearse(request, options.helperLabel, owned, signal),
      resolve: resolveName,
      addresses: ownAddresses,
      listeners: () => once(machine, 'listeners', tcpListeners),
      system: () => systemFacts(dir),
      once: (key, look) => once(looks, key, look),
    };
  };

  const journal = options.journal === undefined ? noJournal : fileJournal(join(dir, options.journal));
  /** Lets a later look tell an edit by hand from a file that was left as it was written. */
  const remember = async (path: string, content: string | Secret | Uint8Array, mode: number) => {
    const name = relative(dir, at(path));
    const isSecret = (options.secretPaths ?? []).some((s) => name === s || name.startsWith(`${s}/`));
    // The hash of a password that can be guessed is a leak; of what everybody may read it gives nothing away.
    if (options.version === undefined || content instanceof Secret || isSecret || (mode & 0o004) === 0)
      return;
    const sha256 = createHash('sha256').update(content).digest('hex');
    await journal.append({ event: 'wrote', path: name, sha256, version: options.version });
  };

  return {
    journal,
    snapshot: (signal) => eyes(signal, true),
    writer: (signal, progress): Host => ({
      // A change that is under way is finished: Ctrl+C does not reach its looks either.
      ...eyes(new AbortController().signal, false),
      signal,
      progress: (text) => progress(redact(text)),
      randomBytes: (length) => new Uint8Array(randomBytes(length)),
      async writeFile(path, content, writeOptions) {
        if (writeOptions.backup !== false) await backUp(dir, at(path), backups, owned.readSecret);
        await replaceFile(at(path), content, writeOptions, owner);
        await remember(path, content, writeOptions.mode);
      },
      makeDirectory: (path, writeOptions) => ensureDirectory(at(path), writeOptions, owner),
      setAccess: (path, writeOptions) => setAccess(at(path), writeOptions, owner),
      async removeFile(path, removal = {}) {
        if (removal.backup !== false) await backUp(dir, at(path), backups, owned.readSecret);
        await removeFile(at(path));
      },
      run: (argv, commandOptions) => runCommand(argv, { onLine: () => {}, ...commandOptions }),
      sqlWrite: writeSql,
    }),
  };
}
