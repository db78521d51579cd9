/** A host for the database step's pure parts: files, an engine without containers, and no database. */
import type { FileStat, HostReader } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Needed } from '../../steps/database/ground.ts';
import { createAuthority, issueServerCertificate } from '../../steps/shared/certificates.ts';
import hba from '../../templates/pg_hba.conf?raw';

export interface File {
  readonly text: string;
  readonly mode: number;
  readonly uid: number;
}

/** A host of files, an engine without userns-remap and without containers, and no database. */
export function hostOf(files: Readonly<Record<string, File>>): HostReader {
  const nothing = async () => undefined;
  const stat = async (path: string): Promise<FileStat | undefined> => {
    if (path === '.' || path === 'postgres')
      return { kind: 'directory', mode: 0o755, uid: 1001, gid: 1001, size: 0 };
    const file = files[path];
    return file && { kind: 'file', mode: file.mode, uid: file.uid, gid: file.uid, size: file.text.length };
  };
  return {
    dir: '/install',
    now: () => new Date(),
    stat,
    list: nothing,
    env: () => undefined,
    readText: async (path: string) => files[path]?.text,
    readSecret: async (path: string) => (files[path] ? new Secret(files[path].text) : undefined),
    query: async (argv: readonly string[]) => ({
      code: argv.includes('volume') ? 1 : 0,
      stdout: argv.includes('info') ? '{"ServerVersion":"28.0","SecurityOptions":[]}' : '',
      stderr: argv.includes('volume') ? 'Error: No such volume' : '',
    }),
    system: async () => ({ uid: 1001, gid: 1001, arch: 'x64', memoryMb: 1, diskFreeMb: 1, os: 'debian 12' }),
    once: (_key: string, look: () => Promise<unknown>) => look(),
  } as unknown as HostReader;
}

export const answers: Needed = {
  projectName: 'corecube',
  database: 'bundled',
  databaseAdminUrl: undefined,
  databaseCa: undefined,
  postgresImage: 'pgvector/pgvector:pg17',
  release: 'v2',
  image: 'registry.corecube.test/corecube:1',
} as Needed;

/** The files of a bundled database as the step writes them. */
export async function written(): Promise<Record<string, File>> {
  const now = new Date();
  const authority = await createAuthority('test', now);
  const server = await issueServerCertificate(authority, { dns: ['pgvector'] }, now);
  return {
    'postgres/pg_hba.conf': { text: hba, mode: 0o644, uid: 1001 },
    'secrets/pg_superuser_password': { text: 'a'.repeat(40), mode: 0o600, uid: 999 },
    'secrets/pg_ca.key': { text: authority.key.reveal(), mode: 0o600, uid: 1001 },
    'secrets/pg_ca.crt': { text: authority.certificate, mode: 0o644, uid: 1001 },
    'secrets/pg_server.key': { text: server.key.reveal(), mode: 0o600, uid: 999 },
    'secrets/pg_server.crt': { text: server.certificate, mode: 0o644, uid: 1001 },
  };
}
