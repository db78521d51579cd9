/** Where a deployment keeps its data and takes its secrets from: its own volumes on this host, its own files. */
import type { ComposeModel } from '../shared/compose-project.ts';
import { isOwnService, PATH, VOLUME } from '../shared/layout.ts';

/** A volume as Compose's model tells it. */
interface Declared {
  readonly name?: string;
  readonly driver?: string;
  readonly driver_opts?: Readonly<Record<string, unknown>> | null;
}

/** File systems (mount(8)) that lie on another machine, or in memory. */
const ELSEWHERE =
  /^(nfs4?|cifs|smb[23]?|smbfs|9p|ceph|glusterfs|fuse\.(sshfs|s3fs|rclone|glusterfs|ceph(-fuse)?))$/;
const IN_MEMORY = /^(tmpfs|ramfs)$/;
/** Directories that a reboot empties (Filesystem Hierarchy Standard 3.0; tmpfiles.d(5)). */
const SHORT_LIVED = /^\/(tmp|var\/tmp|run|var\/run|dev\/shm)(\/|$)/;

/** What is wrong with where a volume lies: a disk of this host, as it is mounted with the local driver, is not. */
function place({ driver = 'local', driver_opts }: Declared): string | undefined {
  if (driver !== 'local') return `has the driver ${driver}`;
  const [type, device, options] = ['type', 'device', 'o'].map((key) => String(driver_opts?.[key] ?? ''));
  if (ELSEWHERE.test(type ?? '') || /(^|,)addr=/.test(options ?? ''))
    return `lies on another machine (${type})`;
  if (IN_MEMORY.test(type ?? '')) return `lies in memory (${type})`;
  return SHORT_LIVED.test(device ?? '') ? `lies in ${device}, which does not last` : undefined;
}

/** Volumes of this install that are somebody else's, or that do not keep what is written to them on this host. */
export const volumeProblems = (model: ComposeModel): readonly string[] =>
  Object.values(VOLUME).flatMap((key) => {
    const volume = (model.volumes?.[key] ?? undefined) as Declared | undefined;
    if (volume === undefined) return [];
    const expected = `${model.name}_${key}`;
    const wrong = place(volume);
    return [
      ...((volume.name ?? expected) === expected
        ? []
        : [`the volume ${key} is ${volume.name} instead of ${expected}`]),
      ...(wrong === undefined ? [] : [`the volume ${key} ${wrong}`]),
    ];
  });

/** The file of each secret; that of the key is what key-delivery is about. */
const FILES: Readonly<Record<string, string>> = {
  'pg_ca.crt': PATH.databaseCa,
  'pg_server.crt': PATH.databaseCertificate,
  'pg_server.key': PATH.databaseKey,
  pg_superuser_password: PATH.databaseSuperuserPassword,
  'tls.crt': PATH.tlsCertificate,
  'tls.key': PATH.tlsKey,
};

/**
 * Secrets that services of this install are given from elsewhere than its own files.
 * @param dir the real path of the install directory
 */
export function secretProblems(model: ComposeModel, dir: string): readonly string[] {
  const given = Object.entries(model.services).flatMap(([service, { secrets = [] }]) =>
    isOwnService(service) ? secrets.map(({ source }) => source) : [],
  );
  return Object.entries(FILES).flatMap(([name, path]) => {
    const { file, realFile } = model.secrets?.[name] ?? {};
    return !given.includes(name) || [file, realFile].includes(`${dir}/${path}`)
      ? []
      : [`the secret ${name} is not the file ${path}`];
  });
}
