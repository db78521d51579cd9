/** The measured facts that the design rests on: each is seen here for real, beside what the product does about it. */
import { chmod, chown, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CAPABILITY_GRANTS } from '../../steps/shared/capabilities.ts';
import { type BedHost, createHost } from '../bed/index.ts';

const template = parse(await readFile(resolve(import.meta.dirname, '../../templates/compose.yaml'), 'utf8'));

describe('facts', () => {
  let host: BedHost;
  let dir: string;
  beforeAll(async () => {
    host = await createHost('facts');
    dir = await mkdtemp(join(tmpdir(), 'ccs-facts-'));
    await chmod(dir, 0o755);
  });
  afterAll(() => host?.destroy());
  const docker = (...args: string[]) => host.run(['docker', ...args]);

  it('2: Caddy does not start with all capabilities dropped, and gets exactly the one it needs', async () => {
    const without = await docker('run', '--rm', '--cap-drop', 'ALL', 'caddy:2', 'caddy', 'version');
    expect(without.exitCode).not.toBe(0);
    const hardened = [
      '--cap-drop',
      'ALL',
      '--cap-add',
      'NET_BIND_SERVICE',
      '--user',
      '1000:1000',
      '--read-only',
      '--security-opt',
      'no-new-privileges',
    ];
    expect((await docker('run', '--rm', ...hardened, 'caddy:2', 'caddy', 'version')).exitCode).toBe(0);
    expect(template.services.caddy.cap_add).toEqual(
      CAPABILITY_GRANTS.filter((g) => g.service === 'caddy').map((g) => g.capability),
    );
  });

  it('3: a file secret keeps the owner and mode of the host, so root:0600 is unreadable for uid 1000', async () => {
    const read = async (name: string) =>
      docker(
        'run',
        '--rm',
        '--user',
        '1000:1000',
        '--cap-drop',
        'ALL',
        '--volume',
        `${join(dir, name)}:/s:ro`,
        'pgvector/pgvector:pg17',
        'cat',
        '/s',
      );
    await writeFile(join(dir, 'root'), 'x', { mode: 0o600 });
    await writeFile(join(dir, 'own'), 'x', { mode: 0o600 });
    await chown(join(dir, 'own'), 1000, 1000);
    expect([(await read('root')).exitCode === 0, (await read('own')).exitCode === 0]).toEqual([false, true]);
  });

  it('4: PostgreSQL runs as 999 on a read-only root and takes no key that others can read', async () => {
    expect(template.services.pgvector.user).toBe('999:999');
    expect(template.services.pgvector.healthcheck.test).toContain('127.0.0.1');
    const uid = await docker('run', '--rm', '--entrypoint', 'id', 'pgvector/pgvector:pg17', '-u', 'postgres');
    expect(uid.stdout.trim()).toBe('999');
  });

  it('5: a fresh volume on a path that the image lacks belongs to root and cannot be written by uid 1000', async () => {
    await docker('volume', 'create', 'fresh');
    const touch = await docker(
      'run',
      '--rm',
      '--user',
      '1000:1000',
      '--cap-drop',
      'ALL',
      '--volume',
      'fresh:/no-such-path',
      'pgvector/pgvector:pg17',
      'touch',
      '/no-such-path/x',
    );
    expect(touch.exitCode).not.toBe(0);
  });

  it('10: one key file serves both places, cannot be replaced from inside, and leaves an empty mount point', async () => {
    await mkdir(join(dir, 'k'));
    await writeFile(join(dir, 'k/key'), 'a'.repeat(64), { mode: 0o600 });
    await chown(join(dir, 'k/key'), 1000, 1000);
    await docker('volume', 'create', 'data');
    const mounts = [
      '--volume',
      'data:/data',
      '--volume',
      `${join(dir, 'k/key')}:/run/secrets/encryption_key:ro`,
      '--volume',
      `${join(dir, 'k/key')}:/data/encryption.key:ro`,
    ];
    const script =
      'test "$(cat /run/secrets/encryption_key)" = "$(cat /data/encryption.key)" && ! echo x > /data/encryption.key && ! rm -f /data/encryption.key && ! mv /data/encryption.key /data/y';
    const inside = await docker(
      'run',
      '--rm',
      '--user',
      '1000:1000',
      '--cap-drop',
      'ALL',
      ...mounts,
      'pgvector/pgvector:pg17',
      'bash',
      '-c',
      script,
    );
    expect(inside.exitCode, inside.stderr).toBe(0);
    const left = await docker(
      'run',
      '--rm',
      '--volume',
      'data:/v',
      'pgvector/pgvector:pg17',
      'stat',
      '-c',
      '%s',
      '/v/encryption.key',
    );
    expect(left.stdout.trim()).toBe('0');
    const targets = template.services.corecube.secrets.map((s: { target: string }) => s.target);
    expect(targets).toEqual(expect.arrayContaining(['/run/secrets/encryption_key', '/data/encryption.key']));
  });

  it('1: the product publishes on IPv4 only', () => {
    for (const port of template.services.caddy.ports) expect(port.host_ip).toBe('{{LISTEN_ADDRESS}}');
  });
});
