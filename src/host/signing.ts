import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandResult } from '../core/host.ts';
import type { SignatureCheck, SignatureVerdict, Signer } from '../evidence/store.ts';
import { runCommand } from './commands.ts';
import { listedFor, readSigners } from './signers-list.ts';

/** Milliseconds for a signature: a hardware key waits for a touch. */
const SIGNING = 30_000;
/** Nobody is asked for a passphrase in the middle of a verify, nor in one that a timer starts. */
const NEVER_ASK = { SSH_ASKPASS: '/bin/false', SSH_ASKPASS_REQUIRE: 'force' };
const ARMORED = /^-----BEGIN SSH SIGNATURE-----\n[A-Za-z0-9+/=\n]+-----END SSH SIGNATURE-----\n?$/;
const NOT_FOUND = 127;

/** What ssh-keygen said last, for the operator. */
function said({ code, stderr }: CommandResult): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('Signing data on'));
  return lines.join('; ') || `ssh-keygen ended with ${code}`;
}

/**
 * Signs with `ssh-keygen -Y sign` (OpenSSH 8.1 or newer). The text goes through stdin; only the key's path is an argument.
 * @param key absolute path of a private key without a passphrase, or of a public key whose private half is in the agent
 * @param namespace what the signature is for, so that it is good for nothing else
 */
export function sshSigner(key: string, namespace: string): Signer {
  return {
    async sign(text) {
      const result = await runCommand(['ssh-keygen', '-Y', 'sign', '-n', namespace, '-f', key], {
        input: text,
        env: NEVER_ASK,
        timeoutMs: SIGNING,
      });
      if (result.code === 0 && ARMORED.test(result.stdout))
        return { ok: true, signature: result.stdout.trimEnd() };
      const passphrase = /incorrect passphrase/.test(result.stderr)
        ? ' A key with a passphrase belongs into ssh-agent: ssh-add it, and give its public half.'
        : '';
      return { ok: false, because: `${said(result)}.${passphrase}` };
    },
  };
}

/**
 * Checks with `ssh-keygen -Y verify`, at the time that the record states, so that a signer who left stays good for what was
 * signed before. Without a list of signers only that nothing was altered since (`check-novalidate`).
 * @param signers absolute path of a file in the format ALLOWED SIGNERS of ssh-keygen(1)
 */
export function sshSignatureCheck(namespace: string, signers?: string): SignatureCheck {
  const keygen = (args: readonly string[], input = '') =>
    runCommand(['ssh-keygen', '-Y', ...args], { input, env: NEVER_ASK, timeoutMs: 15_000 });

  const intact = async (text: string, file: string): Promise<SignatureVerdict> => {
    const result = await keygen(['check-novalidate', '-n', namespace, '-s', file], text);
    if (result.code === NOT_FOUND) return { is: 'unknown', because: said(result) };
    const key = /with (\S+ key \S+)/.exec(result.stdout)?.[1];
    if (result.code === 0 && key !== undefined) return { is: 'good', by: key };
    return {
      is: 'bad',
      seen: `a signature that is not of this record (${said(result)})`,
      expected: 'a good signature',
    };
  };

  const allowed = async (text: string, file: string, time: Date, list: string): Promise<SignatureVerdict> => {
    const at = `-Overify-time=${localTime(time)}`;
    const found = await keygen(['find-principals', '-s', file, '-f', list, at]);
    if (found.code === NOT_FOUND) return { is: 'unknown', because: said(found) };
    const principals = found.stdout.split('\n').filter(Boolean);
    for (const principal of found.code === 0 ? principals : []) {
      const result = await keygen(
        ['verify', '-f', list, '-I', principal, '-n', namespace, '-s', file, at],
        text,
      );
      if (result.code === 0) return { is: 'good', by: principal };
    }
    const whose = await intact(text, file);
    if (whose.is !== 'good') return whose;
    const others = listedFor(await readSigners(list), whose.by, namespace);
    if (others !== undefined)
      return {
        is: 'unknown',
        because: `${list} allows ${whose.by} for ${others} alone, not for ${namespace}: whether its owner vouches for records is not said`,
      };
    return {
      is: 'bad',
      seen: `a signature by ${whose.by}`,
      expected: `one by a key that ${list} allows for ${namespace} at ${time.toISOString()}`,
    };
  };

  return {
    hasSigners: signers !== undefined,
    async check({ text, signature, time }) {
      if (signers !== undefined) {
        const list = await readSigners(signers);
        if (typeof list === 'string') return { is: 'unknown', because: list };
      }
      let folder: string | undefined;
      try {
        folder = await mkdtemp(join(tmpdir(), 'signature-'));
        const file = join(folder, 'signature');
        await writeFile(file, `${signature}\n`, { mode: 0o600 });
        return await (signers === undefined ? intact(text, file) : allowed(text, file, time, signers));
      } catch (error) {
        return { is: 'unknown', because: error instanceof Error ? error.message : String(error) };
      } finally {
        if (folder !== undefined) await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** `YYYYMMDDHHMMSS` of this host's time zone: older versions of ssh-keygen know no other. */
function localTime(time: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${time.getFullYear()}${two(time.getMonth() + 1)}${two(time.getDate())}${two(time.getHours())}${two(time.getMinutes())}${two(time.getSeconds())}`;
}
