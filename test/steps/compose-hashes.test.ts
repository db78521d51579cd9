/** Compose's own hashes of the declared services, however their variables reach them. */
import { describe, expect, it } from 'vitest';
import type { HostReader } from '../../src/core/host.ts';
import { configHashes } from '../../steps/shared/compose-project.ts';
import { hostOf } from './database-host.ts';

/** The arguments and the standard input of every hashing, on a host with this compose.yaml. */
async function hashing(text: string) {
  const asked: { argv: string; input: unknown }[] = [];
  const query = async (argv: readonly string[], options?: { input?: unknown }) => {
    if (argv.includes('--hash')) {
      asked.push({ argv: argv.join(' '), input: options?.input });
      return { code: 0, stdout: 'corecube abc\n', stderr: '' };
    }
    if (argv.includes('config')) return { code: 0, stdout: '{"name":"x"}', stderr: '' };
    return { code: 0, stdout: argv.includes('ls') || argv.includes('ps') ? '' : '[]', stderr: '' };
  };
  const files = { 'compose.yaml': { text, mode: 0o644, uid: 0 } };
  const host = { ...hostOf(files), query, realPath: async (path: string) => path } as unknown as HostReader;
  return { hashes: await configHashes(host, 'corecube', false), asked };
}

describe('the hash that Compose gives a service', () => {
  it('is that of the files themselves', async () => {
    const { hashes, asked } = await hashing('services: {}\n');
    expect([...hashes]).toEqual([['corecube', 'abc']]);
    expect(asked).toEqual([
      { argv: expect.stringContaining('--file /install/compose.yaml'), input: undefined },
    ]);
  });

  it('is that of the resolved model where variables come from further files, as `up` takes it', async () => {
    const { asked } = await hashing('services:\n  corecube:\n    env_file: [extra.env]\n');
    expect(asked).toEqual([
      {
        argv: 'docker compose --project-name corecube --project-directory /install --file - config --hash *',
        input: '{"name":"x"}',
      },
    ]);
  });
});

describe('what Compose refuses', () => {
  const refusal = (stderr: string) => {
    const files = { 'compose.yaml': { text: 'services: {}\n', mode: 0o644, uid: 0 } };
    const query = async (argv: readonly string[]) =>
      argv.includes('config')
        ? { code: 15, stdout: '', stderr }
        : { code: 0, stdout: argv.includes('ls') || argv.includes('ps') ? '' : '[]', stderr: '' };
    const host = { ...hostOf(files), query, realPath: async (path: string) => path } as unknown as HostReader;
    return configHashes(host, 'corecube', false).then(
      () => 'taken',
      (error: Error) => error.message,
    );
  };

  it('is said without the value that it quotes, which may be a password', async () => {
    const where = 'invalid interpolation format for services.corecube.environment.SMTP_PASSWORD.';
    expect(await refusal(`${where}\nYou may need to escape any $ with another $.\nCanary-\${9f\n`)).toBe(
      'Docker Compose refuses the files: services.corecube.environment.SMTP_PASSWORD has a $ that names no variable; a plain $ is written $$',
    );
    const list = 'invalid interpolation format for services.corecube.environment.[].';
    expect(await refusal(`${list}\nYou may need to escape any $ with another $.\nPW=Canary-\${9f\n`)).toMatch(
      /environment\.\[\] has a \$/,
    );
  });

  it('is said in its own words where these are about the form', async () => {
    expect(await refusal('yaml: line 4: did not find expected key\n')).toMatch(/: yaml: line 4: did not/);
  });
});
