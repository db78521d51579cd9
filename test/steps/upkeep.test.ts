import { describe, expect, it } from 'vitest';
import type { FileStat } from '../../src/core/host.ts';
import { inspectAll } from '../../src/core/inspect.ts';
import { sections } from '../../steps/questions.ts';
import { upkeep } from '../../steps/upkeep.ts';
import { fakeHost, imageReply, type Reply } from './preflight-host.ts';

const PIN = `caddy:2@sha256:${'a'.repeat(64)}`;
const container = (service: string, image: string) => ({
  Name: `/corecube-${service}-1`,
  Image: `sha256:${image}`,
  State: { Running: true },
  Config: { Labels: { 'com.docker.compose.service': service } },
});
const RECORD =
  'x-corecube-secure:\n  images:\n    corecube: { reference: "corecube/corecube:v1", id: "sha256:22" }\n';

/** A stack of a pinned proxy and a hand-loaded CoreCube, with what is different about it. */
async function look(
  change: {
    readonly images?: Readonly<Record<string, string>>;
    readonly running?: readonly ReturnType<typeof container>[];
    readonly local?: Readonly<Record<string, Reply>>;
    readonly record?: string;
    readonly answers?: object;
    readonly files?: Readonly<Record<string, string>>;
    readonly empty?: true;
  } = {},
) {
  const images = { caddy: PIN, corecube: 'corecube/corecube:v1', ...change.images };
  const services = Object.fromEntries(Object.entries(images).map(([name, image]) => [name, { image }]));
  const running = change.running ?? [container('caddy', '11'), container('corecube', '22')];
  const { host } = fakeHost({
    files: change.empty ? {} : { 'compose.yaml': change.record ?? RECORD, '.env': '', ...change.files },
    commands: {
      'docker compose --project-name': JSON.stringify({ name: 'corecube', services }),
      'docker image inspect corecube/corecube:v1': imageReply('22'),
      'docker ps --all': running.map((_, i) => `c${i}`).join('\n'),
      'docker inspect': JSON.stringify(running),
      ...change.local,
    },
  });
  const answers = { projectName: 'corecube', adminRanges: ['10.0.0.0/8'], ...change.answers };
  const context = { host, answers, signal: new AbortController().signal };
  const all = await inspectAll(upkeep, context, new Map(), () => {});
  return Object.fromEntries(all.map((f) => [f.control, f.verdict]));
}
const pinned = async (change: Parameters<typeof look>[0]) => (await look(change))['images.pinned'];

describe('images.pinned', () => {
  it('takes a digest, and the recorded id of an image that was loaded by hand', async () => {
    const verdict = await pinned({});
    expect(verdict).toMatchObject({ is: 'pass' });
    expect(JSON.stringify(verdict)).toContain('loaded by hand, 22');
  });

  it.each<[string, Parameters<typeof look>[0], RegExp]>([
    ['a tag', { images: { caddy: 'caddy:2' } }, /caddy runs caddy:2 without a digest/],
    ['no record', { record: 'services: {}\n' }, /corecube runs corecube\/corecube:v1 without a digest/],
    ['a record for another reference', { record: RECORD.replace(':v1"', ':v0"') }, /without a digest/],
    [
      'a service of the override',
      { images: { extra: 'busybox:1' } },
      /extra runs busybox:1 without a digest/,
    ],
    [
      'an image loaded anew',
      { local: { 'docker image inspect corecube/corecube:v1': imageReply('33') } },
      /is 33 now, recorded was 22/,
    ],
    [
      'another image running',
      { running: [container('caddy', '99'), container('corecube', '22')] },
      /caddy runs 99, its pin is 11/,
    ],
    [
      'a pinned image that is gone',
      { local: { [`docker image inspect ${PIN}`]: { code: 1, stderr: 'No such image' } } },
      /is not on this host, and the container runs 11/,
    ],
    ['no compose.yaml', { empty: true }, /there is no compose\.yaml/],
  ])('fails with %s', async (_name, change, words) => {
    const verdict = await pinned(change);
    expect(verdict?.is).toBe('fail');
    expect(JSON.stringify(verdict)).toMatch(words);
  });

  it('claims nothing about a service without a container, or without an engine', async () => {
    expect(await pinned({ running: [container('caddy', '11')] })).toMatchObject({
      is: 'unknown',
      because: 'corecube has no container',
    });
    const down = { code: 1, stderr: 'Cannot connect to the Docker daemon' };
    const local = {
      'docker image inspect': down,
      'docker image inspect corecube/corecube:v1': down,
      'docker ps --all': down,
    };
    expect((await pinned({ local }))?.is).toBe('unknown');
  });
});

describe('what only a person knows', () => {
  it('stays open until it is answered', async () => {
    const open = await look();
    expect(open['key.backup-apart']?.is).toBe('attest');
    expect(open['dumps.encrypted-medium']?.is).toBe('attest');
    const told = await look({ answers: { keyBackup: 'safe 2, J. Doe', dumpEncryption: 'LUKS b01' } });
    expect(told['key.backup-apart']).toEqual({ is: 'pass', observed: 'attested: safe 2, J. Doe' });
    expect(told['dumps.encrypted-medium']).toEqual({ is: 'pass', observed: 'attested: LUKS b01' });
  });

  it('says plainly what is not included and what the proxy makes up for', async () => {
    const text = JSON.stringify((await look())['v1.not-included']);
    for (const words of [
      'backup encryption',
      'IP allow-lists',
      'multi-factor',
      'HSM',
      'audit log',
      '10.0.0.0/8',
    ])
      expect(text).toContain(words);
  });
});

it('only looks, and gives every control its texts', () => {
  expect(upkeep.plan).toBeUndefined();
  for (const control of upkeep.controls) {
    expect(Object.keys(sections)).toContain(control.section);
    for (const text of [control.threat, control.remedy, control.impact]) expect(text).toMatch(/\S{2}/);
  }
});

describe('key.backup-apart', () => {
  const said = async (keyBackup: string) =>
    (await look({ answers: { keyBackup }, files: { '/srv/corecube-key.txt': '' } }))['key.backup-apart'];

  it.each([
    'J. Doe, in /srv/corecube/backup',
    'beside it: ./secrets/copy',
    '/srv/corecube',
    'file:///srv/corecube/.corecube-secure/key',
    '(/var/lib/docker/volumes/corecube_corecube-data/_data/copy)',
    'the volume corecube_pgvector-data',
    'still in secrets/encryption_key',
    '/root/corecube-key.txt',
    'J. Doe, 2026-11-24, in /srv/corecube-key.txt',
  ])('fails when the copy is said to be beside the data: %s', async (answer) =>
    expect(await said(answer)).toMatchObject({ is: 'fail' }),
  );

  it.each([
    'sealed envelope in the safe of office 2, J. Doe, 2026-11-24',
    'https://vault.example.com/srv/corecube/backup, J. Doe',
    'USB stick /mnt/stick, kept in the safe',
    '/srv/corecube-key of the host vault01',
    'No. 3 of the safes, J. Doe',
    'no copy on this host, one in the safe of office 2, J. Doe',
    'Nowhere Street 2, bank, J. Doe',
  ])('takes the word for: %s', async (answer) => expect(await said(answer)).toMatchObject({ is: 'pass' }));
});

const OPEN = [
  'none',
  'None yet, to be done',
  'no',
  'TODO',
  'n/a',
  '-',
  '?',
  'tbd',
  'not yet',
  'to be done',
  'no backup yet',
];

it.each(OPEN)('what says of itself that it is open stays open: %s', async (words) => {
  const all = await look({ answers: { keyBackup: words, dumpEncryption: words } });
  expect(all['key.backup-apart']?.is).toBe('attest');
  expect(all['dumps.encrypted-medium']?.is).toBe('attest');
});

it('the same words for the key and the dumps say that they lie together', async () => {
  const words = 'safe of office 2, LUKS, J. Doe';
  const all = await look({ answers: { keyBackup: words, dumpEncryption: words } });
  expect(all['key.backup-apart']?.is).toBe('attest');
  expect(all['dumps.encrypted-medium']?.is).toBe('pass');
});

it.each([
  ['disk backup01, not encrypted', 'fail'],
  ['unencrypted, J. Doe', 'fail'],
  ['an NFS share, not yet encrypted, J. Doe', 'fail'],
  ['LUKS volume backup01; the system disk is not encrypted', 'pass'],
  ['nothing is stored unencrypted: gpg to ops@example.com, J. Doe', 'pass'],
  ['No dump leaves the LUKS volume b01, J. Doe', 'pass'],
])('dumps.encrypted-medium takes the words as they are: %s', async (dumpEncryption, is) => {
  expect((await look({ answers: { dumpEncryption } }))['dumps.encrypted-medium']?.is).toBe(is);
});

describe('waivers.file-access', () => {
  const SELF = 1000;
  const directory: FileStat = { kind: 'directory', mode: 0o755, uid: SELF, gid: SELF, size: 0 };
  const file: FileStat = { kind: 'file', mode: 0o644, uid: SELF, gid: SELF, size: 9 };
  const judged = async (stats: Readonly<Record<string, Partial<FileStat>>>) => {
    const { host } = fakeHost({});
    const all: Record<string, FileStat | undefined> = { '.': { ...directory, ...stats['.'] } };
    if (stats['waivers.yaml']) all['waivers.yaml'] = { ...file, ...stats['waivers.yaml'] };
    const system = async () => ({ ...(await host.system()), uid: SELF });
    const control = upkeep.controls.find((c) => c.id === 'waivers.file-access');
    const reader = { ...host, system, stat: async (path: string) => all[path] };
    return control?.inspect({ host: reader, answers: {} as never, signal: new AbortController().signal });
  };

  it('passes without a file, and with one that only root or the operator can write', async () => {
    expect(await judged({})).toMatchObject({ is: 'pass', observed: expect.stringContaining('there is no') });
    for (const stat of [{}, { uid: 0 }, { mode: 0o600 }])
      expect((await judged({ 'waivers.yaml': stat }))?.is).toBe('pass');
  });

  it.each<[string, Parameters<typeof judged>[0], RegExp]>([
    [
      'a file that its group can write',
      { 'waivers.yaml': { mode: 0o664, gid: 50 } },
      /waivers\.yaml has mode 0664/,
    ],
    ['a file that everybody can write', { 'waivers.yaml': { mode: 0o646 } }, /waivers\.yaml has mode 0646/],
    ["somebody else's file", { 'waivers.yaml': { uid: 1001 } }, /waivers\.yaml belongs to uid 1001/],
    ['a link', { 'waivers.yaml': { kind: 'symlink', mode: 0o777 } }, /^waivers\.yaml is a symlink$/],
    ['a directory in which everybody can make it', { '.': { mode: 0o1777 } }, /directory .* has mode 01777/],
    ['a directory of a group', { '.': { mode: 0o775, gid: 50 } }, /directory .* has mode 0775/],
  ])('fails for %s', async (_, stats, seen) => {
    expect(await judged(stats)).toMatchObject({ is: 'fail', observed: expect.stringMatching(seen) });
  });

  it('cannot be waived, and is left to a person: the file is read before it is believed again', () => {
    const control = upkeep.controls.find((c) => c.id === 'waivers.file-access');
    expect(control).toMatchObject({ manual: true, unwaivable: true, severity: 'required' });
  });
});
