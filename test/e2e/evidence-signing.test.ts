/** Signatures by the real ssh-keygen: with a key file, with an agent, and everything that must be refused. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renderKept } from '../../src/evidence/append.ts';
import { renderEvidence } from '../../src/evidence/render.ts';
import { sshSigner } from '../../src/host/signing.ts';
import { EvidenceBed, forge, NAMESPACE } from '../host/evidence-bed.ts';

let bed: EvidenceBed;
let key: string;
beforeEach(async () => {
  bed = await EvidenceBed.create();
  key = await makeKey('operator');
});
afterEach(() => bed.remove());

const openssh = (program: string, ...args: string[]) => execa(program, args, { stdin: 'ignore' });

async function makeKey(name: string, passphrase = ''): Promise<string> {
  const path = join(bed.dir, name);
  await openssh('ssh-keygen', '-q', '-t', 'ed25519', '-N', passphrase, '-C', name, '-f', path);
  return path;
}

async function allow(...rows: readonly (readonly [principal: string, key: string, options?: string])[]) {
  const path = join(bed.dir, 'signers');
  const lines = await Promise.all(
    rows.map(async ([principal, file, options = '']) => {
      const [type, blob] = (await readFile(`${file}.pub`, 'utf8')).split(' ');
      return `${principal} ${options} ${type} ${blob}\n`;
    }),
  );
  await writeFile(path, lines.join(''));
  return path;
}

describe('a signed chain', () => {
  it('is proved against the list of signers; a record that was signed vouches for those before it', async () => {
    await bed.fill(2);
    await bed.fill(1, sshSigner(key, NAMESPACE));
    const signers = await allow(['alice@example.test', key]);
    const result = await bed.prove({ signers });
    expect(result).toMatchObject({
      exit: 0,
      records: 3,
      signatures: { checked: 'signers', good: 1, unsigned: 2, by: { 'alice@example.test': 1 }, upTo: 3 },
    });
    expect(renderEvidence(result)).toContain('1 by alice@example.test');
  });

  it('without a list says only that nothing was altered, and names the key', async () => {
    await bed.fill(1, sshSigner(key, NAMESPACE));
    const result = await bed.prove();
    expect(result).toMatchObject({ exit: 0, signatures: { checked: 'integrity', good: 1 } });
    expect(Object.keys(result.signatures.by)[0]).toMatch(/^ED25519 key SHA256:/);
    expect(renderEvidence(result).replaceAll(/\s+/g, ' ')).toContain('--signers FILE');
  });

  it('whose end nobody signed is not proved, nor one that nobody signed at all', async () => {
    const signers = await allow(['alice@example.test', key]);
    await bed.fill(1);
    expect(await bed.prove({ signers })).toMatchObject({ exit: 3 });
    await bed.fill(1, sshSigner(key, NAMESPACE));
    await bed.fill(2);
    const result = await bed.prove({ signers });
    expect(result.exit).toBe(3);
    expect(result.notSeen[0]?.because).toMatch(/records 3 to 4 come after the last signature/);
  });

  it('refuses a signer who is not on the list or was not at that time, and proves nothing by one for something else', async () => {
    await bed.fill(1, sshSigner(await makeKey('mallory'), NAMESPACE));
    await bed.fill(1, sshSigner(key, NAMESPACE));
    const mallory = join(bed.dir, 'mallory');
    const refused = await bed.prove({ signers: await allow(['alice@example.test', key]) });
    expect(refused).toMatchObject({ exit: 1, breaks: [{ line: 1 }] });
    expect(refused.breaks[0]?.seen).toMatch(/a signature by ED25519 key SHA256:/);
    const both = (options = '') => allow(['alice@example.test', key], ['m@example.test', mallory, options]);
    expect(await bed.prove({ signers: await both() })).toMatchObject({ exit: 0 });
    for (const options of ['valid-before="20200101"', 'valid-after="21000101"'])
      expect(await bed.prove({ signers: await both(options) }), options).toMatchObject({
        exit: 1,
        breaks: [{ line: 1 }],
      });
    const elsewhere = await bed.prove({ signers: await both('namespaces="git"') });
    expect(elsewhere).toMatchObject({ exit: 3, breaks: [] });
    expect(elsewhere.notSeen[0]?.because).toMatch(/allows ED25519 key SHA256:\S+ for git alone/);
  });

  it('accepts a signer who has left since, for what was signed before', async () => {
    await bed.appendKept(sshSigner(key, NAMESPACE), () => new Date('2026-03-01T12:00:00Z'));
    const signers = await allow(['alice@example.test', key, 'valid-before="20260601"']);
    expect(await bed.prove({ signers })).toMatchObject({ exit: 0 });
    await bed.appendKept(sshSigner(key, NAMESPACE), () => new Date('2026-07-01T12:00:00Z'));
    expect(await bed.prove({ signers })).toMatchObject({ exit: 1, breaks: [{ line: 2 }] });
  });

  it('is broken by a signature that was taken off, moved or made for another namespace', async () => {
    await bed.fill(3, sshSigner(key, NAMESPACE));
    const lines = await bed.lines();
    const signature = (line: string) => /"signature":"[^"]+"/.exec(line)?.[0] as string;
    await bed.writeLines(lines.with(1, lines[1]!.replace(`${signature(lines[1]!)},`, '')));
    expect(await bed.prove()).toMatchObject({ exit: 1, breaks: [{ line: 2 }] });
    await bed.writeLines(lines.with(1, lines[1]!.replace(signature(lines[1]!), signature(lines[0]!))));
    expect(await bed.prove()).toMatchObject({ exit: 1, breaks: [{ line: 2 }] });
    const other = JSON.parse(lines[0]!).signature;
    await bed.writeLines(
      lines.with(
        2,
        forge(lines[2]!, (record) => Object.assign(record, { signature: other })),
      ),
    );
    const moved = await bed.prove();
    expect(moved).toMatchObject({ exit: 1, breaks: [{ line: 3 }] });
    expect(moved.breaks[0]?.seen).toMatch(/a signature that is not of this record/);
    await bed.writeLines(lines);
    await bed.fill(1, sshSigner(key, 'git'));
    expect(await bed.prove()).toMatchObject({ exit: 1, breaks: [{ line: 4 }] });
  });

  it('is not proved when the list of signers cannot be read', async () => {
    await bed.fill(1, sshSigner(key, NAMESPACE));
    const result = await bed.prove({ signers: join(bed.dir, 'nothing') });
    expect(result).toMatchObject({ exit: 3, breaks: [] });
    expect(result.notSeen[0]?.because).toMatch(/cannot be read \(ENOENT\)/);
  });

  it('is not proved by a list of signers that is none', async () => {
    await bed.fill(1, sshSigner(key, NAMESPACE));
    const path = join(bed.dir, 'signers');
    for (const text of ['', '# nobody yet\n', 'alice@example.test\n', '\0\u0001\u0002']) {
      await writeFile(path, text);
      const result = await bed.prove({ signers: path });
      expect(result, JSON.stringify(text)).toMatchObject({ exit: 3, breaks: [] });
      expect(result.notSeen[0]?.because).toMatch(/holds no key/);
    }
    const result = await bed.prove({ signers: bed.dir });
    expect(result).toMatchObject({ exit: 3, breaks: [] });
    expect(result.notSeen[0]?.because).toMatch(/is no plain file/);
  });
});

describe('signing', () => {
  it.each<[string, () => Promise<string>, RegExp]>([
    ['a key that does not exist', async () => join(bed.dir, 'nothing'), /No such file/],
    ['a key with a passphrase', () => makeKey('locked', 'a long passphrase'), /belongs into ssh-agent/],
    [
      'a key that others may read',
      async () => {
        await chmod(key, 0o644);
        return key;
      },
      /bad permissions|too open/,
    ],
    ['a public key that no agent has', async () => `${await alone('gone')}.pub`, /No private key found/],
  ])('with %s: the record is kept without a signature, and says why', async (_name, choose, because) => {
    const kept = await bed.appendKept(sshSigner(await choose(), NAMESPACE));
    expect(kept).toMatchObject({ signed: false });
    expect(kept.unsigned).toMatch(because);
    expect(renderKept(kept)).toMatch(/not signed/);
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 1, signatures: { unsigned: 1 } });
  });

  it('with a public key whose private half only the agent has', async () => {
    const socket = join(bed.dir, 'agent');
    const [program, ...args] = ['ssh-agent', '-D', '-a', socket];
    const agent = spawn(program as string, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const before = process.env.SSH_AUTH_SOCK;
    try {
      await once(agent.stdout, 'data');
      await openssh('env', `SSH_AUTH_SOCK=${socket}`, 'ssh-add', '-q', key);
      await rename(key, `${key}.elsewhere`);
      process.env.SSH_AUTH_SOCK = socket;
      expect(await bed.appendKept(sshSigner(`${key}.pub`, NAMESPACE))).toMatchObject({ signed: true });
      const signers = await allow(['alice@example.test', key]);
      expect(await bed.prove({ signers })).toMatchObject({ exit: 0 });
    } finally {
      if (before === undefined) delete process.env.SSH_AUTH_SOCK;
      else process.env.SSH_AUTH_SOCK = before;
      agent.kill();
    }
  });
});

/** A key pair whose private half is nowhere any more. */
async function alone(name: string): Promise<string> {
  const path = await makeKey(name);
  await rename(path, `${path}.elsewhere`);
  return path;
}
