import { basename, dirname } from 'node:path';
import { ChangeError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { runCommand } from './commands.ts';
import type { ChangeOwner } from './files.ts';

/**
 * Files that belong to another uid, for a user of the docker group: such a user already is root by way of the engine,
 * so the engine does it, in a throw-away container without network that sees nothing but the file's directory.
 */
export interface OwnedFiles {
  readonly changeOwner: ChangeOwner;
  /** A directory with all that is below it; links themselves, not what they point to. */
  changeOwnerOfTree(path: string, uid: number, gid: number): Promise<void>;
  readSecret(path: string): Promise<Secret>;
}

/** @param image names a local image with a shell's usual programs; undefined when there is none yet */
export function ownedFiles(image: () => string | undefined, label: string): OwnedFiles {
  const call = async (
    mount: string,
    capabilities: readonly string[],
    command: readonly [string, ...string[]],
  ) => {
    const name = image();
    if (name === undefined)
      throw new ChangeError('refused', 'no helper image is known', 'Run as root instead.');
    const [program, ...args] = command;
    const result = await runCommand(
      [
        ...['docker', 'run', '--rm', '--network', 'none', '--pull', 'never', '--user', '0:0', '--read-only'],
        ...['--label', label, '--security-opt', 'no-new-privileges', '--cap-drop', 'ALL'],
        ...capabilities.flatMap((capability) => ['--cap-add', capability]),
        ...['--mount', mount, '--entrypoint', program, name, ...args],
      ],
      { timeoutMs: 60_000 },
    );
    if (result.code !== 0) {
      const last = result.stderr.trim().split('\n').at(-1) ?? '';
      throw new ChangeError(
        'command',
        `${program} in a helper container ended with ${result.code}: ${last}`,
        'Run as root instead.',
      );
    }
    return result.stdout;
  };
  return {
    async changeOwner(path, uid, gid, mode) {
      const mount = `type=bind,source=${dirname(path)},target=/mnt`;
      const file = `/mnt/${basename(path)}`;
      await call(mount, ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'], ['chown', '-h', `${uid}:${gid}`, file]);
      if (mode !== undefined)
        await call(mount, ['DAC_OVERRIDE', 'FOWNER'], ['chmod', mode.toString(8), file]);
    },
    async changeOwnerOfTree(path, uid, gid) {
      const mount = `type=bind,source=${dirname(path)},target=/mnt`;
      const tree = `/mnt/${basename(path)}`;
      await call(mount, ['CHOWN', 'DAC_OVERRIDE'], ['chown', '-R', '-h', `${uid}:${gid}`, tree]);
    },
    async readSecret(path) {
      const mount = `type=bind,source=${dirname(path)},target=/mnt,readonly`;
      return new Secret(await call(mount, ['DAC_OVERRIDE'], ['cat', `/mnt/${basename(path)}`]));
    },
  };
}
