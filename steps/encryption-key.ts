// Guarantees one encryption key, made once, readable for CoreCube's uid only, and known to belong to this data.
// Never overwrites a key, never makes a second one while data exists, never puts it into an environment.
import type { Host, HostReader } from '../src/core/host.ts';
import { Secret } from '../src/core/secret.ts';
import { type Change, type Control, fail, pass, skip, unknown, type Verdict } from '../src/core/step.ts';
import { type Answers, defineStep } from './questions.ts';
import { containers, docker } from './shared/docker.ts';
import { checkOf, checkText, readCheck } from './shared/key-check.ts';
import { PATH, UID, VOLUME } from './shared/layout.ts';
import { operators } from './shared/operators.ts';
import { ROTATE_KEY } from './shared/rotation.ts';
import { makeSecretsDirectory, secretsDirectoryMode } from './shared/secrets-directory.ts';
import { uidShift } from './shared/userns.ts';

const NEEDS = ['projectName', 'database'] as const;
type Needed = Pick<Answers, (typeof NEEDS)[number]>;
const SECTION = 'encryption-key-management';
/** Fewer are a pattern that somebody typed: of 64 characters at random, 7 or fewer different ones are out of reach (under 1e-16). */
const DIFFERENT = 8;

const THREAT_LOST =
  'With another key every stored credential is unreadable for good, and CoreCube says so only when it is used.';

export const encryptionKey = defineStep({
  id: 'encryption-key',
  title: 'Encryption key',
  why: 'One key protects every stored credential, and its loss cannot be repaired. It is made once, kept in a file that only CoreCube can read, and never replaced.',
  needs: NEEDS,
  controls: [notLost(), belongsToData(), exists(), format(), access(), directory(), noLink()],
  async plan({ host, answers, failing }) {
    const changes: Change[] = [];
    if (failing.has('key.directory')) changes.push(makeDirectory);
    if (!(await host.stat(PATH.key))) changes.push(createKey, writeCheck);
    else {
      if (failing.has('key.access')) changes.push(repairAccess);
      if ((await readCheck(host)) === undefined)
        changes.push((await mayHaveData(host, answers.projectName)) ? adoptKey : writeCheck);
    }
    return changes;
  },
});

const makeDirectory: Change = {
  id: 'encryption-key.directory',
  summary: `Make ${PATH.secrets}/ (mode 0700: nobody but the operator gets into it; 0711 where the engine remaps uids, whose own user has to pass)`,
  offline: true,
  apply: makeSecretsDirectory,
};

const createKey: Change = {
  id: 'encryption-key.create',
  summary: `Create ${PATH.key}: 32 random bytes as 64 hex characters, mode 0600, owner uid ${UID.app}; the content is not shown`,
  offline: true,
  async apply(host) {
    if (await host.stat(PATH.key)) return;
    const uid = UID.app + (await uidShift(host));

    const key = new Secret(Buffer.from(host.randomBytes(32)).toString('hex'));
    await host.writeFile(PATH.key, key, { mode: 0o600, uid, gid: uid, exclusive: true });
  },
};

const repairAccess: Change = {
  id: 'encryption-key.access',
  summary: `Give ${PATH.key} mode 0600 and owner uid ${UID.app}; the key itself stays`,
  offline: true,
  async apply(host) {
    const uid = UID.app + (await uidShift(host));
    await host.setAccess(PATH.key, { mode: 0o600, uid, gid: uid });
  },
};

/** The key that is made here, or that lies here before there is anything which another one could have sealed. */
const writeCheck: Change = {
  id: 'encryption-key.check-value',
  summary: `Write ${PATH.keyCheck}: an HMAC under the key that lets later runs know this key again`,
  offline: true,
  apply: (host) => putOnRecord(host),
};

/** A key beside data, and no record of it: it was rotated, or the record is lost, or it is the key of something else. */
const adoptKey: Change = {
  id: 'encryption-key.adopt',
  summary: `Put the key in ${PATH.key} on record (${PATH.keyCheck}) as taken over: data is there already, and nothing proves that this key has sealed it`,
  disrupts: 'From then on this key counts as the one of the data that is there.',
  offline: true,
  apply: (host) => putOnRecord(host, host.now()),
};

async function putOnRecord(host: Host, adopted?: Date): Promise<void> {
  if ((await readCheck(host)) !== undefined) return;
  const key = await host.readSecret(PATH.key);
  if (!key) throw new Error(`${PATH.key} is gone`);
  const { uid, gid } = await host.system();
  await host.makeDirectory(PATH.state, { mode: 0o700, uid, gid });
  await host.writeFile(PATH.keyCheck, checkText(checkOf(key, adopted)), { mode: 0o600, uid, gid });
}

/** True also where it cannot be seen: then nobody can say that the key is older than all data. */
async function mayHaveData(host: HostReader, project: string): Promise<boolean> {
  return signsOfData(host, project).then(
    (signs) => signs.length > 0,
    () => true,
  );
}

/** Signs that data exists which a key has encrypted; empty when there is none. Throws when it cannot be seen. */
function signsOfData(host: HostReader, project: string): Promise<readonly string[]> {
  return host.once(`signs of data ${project}`, async () => {
    const signs: string[] = [];
    if (await host.stat(PATH.keyCheck)) signs.push(`the check value of an earlier key (${PATH.keyCheck})`);
    const volumes = await docker(host, [
      'volume',
      'ls',
      '--quiet',
      '--filter',
      `label=com.docker.compose.project=${project}`,
    ]);
    if (volumes.code !== 0) throw new Error(`the volumes cannot be listed: ${volumes.stderr.trim()}`);
    const present = volumes.stdout
      .split('\n')
      .filter((name) => [VOLUME.data, VOLUME.database].some((v) => name === `${project}_${v}`));
    signs.push(...present.map((name) => `the volume ${name}`));
    signs.push(...(await containers(host, project)).map((c) => `the container ${c.Name.replace(/^\//, '')}`));
    return signs;
  });
}

function notLost(): Control<Needed> {
  return {
    id: 'key.not-lost',
    title: 'No data is without its key',
    severity: 'required',
    section: SECTION,
    how: 'Looks for the key file; where it is missing, looks for volumes, containers and a check value that show that data exists.',
    threat: THREAT_LOST,
    remedy: `Restore the key from its backup to ${PATH.key}. Only when the data is really to be given up, move this directory and the project's volumes away yourself and start anew.`,
    impact: 'None; a new key over old data would destroy every stored credential.',
    manual: true,
    unwaivable: true,
    async inspect({ host, answers }) {
      if (await host.stat(PATH.key)) return pass(`${PATH.key} is there`);
      const signs = await signsOfData(host, answers.projectName).catch((error: Error) => error);
      if (signs instanceof Error) {
        // No engine, no containers to be seen; the check value alone still tells.
        return (await host.stat(PATH.keyCheck))
          ? fail(
              `${PATH.key} is missing, and ${PATH.keyCheck} belongs to an earlier key`,
              'the key beside its data',
            )
          : unknown(`whether data exists cannot be seen: ${signs.message}`);
      }
      return signs.length === 0
        ? pass('there is no data yet')
        : fail(`${PATH.key} is missing, but there is ${signs.join(', ')}`, 'the key beside its data');
    },
  };
}

function belongsToData(): Control<Needed> {
  return {
    id: 'key.belongs-to-data',
    title: 'The key is still the one on record',
    severity: 'required',
    section: SECTION,
    how: 'Computes the HMAC of a constant under the key and compares it with the one on record, which says when a key was taken over beside data.',
    threat: THREAT_LOST,
    remedy: `Put the original key back into ${PATH.key} from its backup. Only if the key was rotated on purpose with CoreCube's own command, remove ${PATH.keyCheck} and apply: the new key is taken over, and called so. A record that is cut off is put back from a backup; without one, see that the key is the original, remove ${PATH.keyCheck} and apply.`,
    impact: 'Restoring the file needs a restart of CoreCube.',
    manual: true,
    unwaivable: true,
    async inspect({ host }) {
      const key = await host.readSecret(PATH.key);
      const check = await readCheck(host);
      if (!key)
        return check === undefined ? skip('there is no key yet') : unknown('there is no key to compare');
      if (check === undefined) return unknown(`${PATH.keyCheck} is not there to compare with`, 'key.exists');
      if (checkOf(key).hmacSha256 !== check.hmacSha256)
        return fail('its HMAC differs from the one on record', 'the original key');
      return pass(
        check.adopted === undefined
          ? 'its HMAC equals the one on record'
          : `its HMAC equals the one on record, which was taken over on ${check.adopted.slice(0, 10)} beside data; that the key opens this data is not proved by it`,
      );
    },
  };
}

function exists(): Control<Needed> {
  return {
    id: 'key.exists',
    title: 'The encryption key and its check value exist',
    severity: 'required',
    section: SECTION,
    refs: ['NIST SP 800-57 part 1, 5.3'],
    how: 'Looks for the key file and reads the file with its check value.',
    threat: 'Without a key file guide v2 makes a throw-away key that the next redeploy loses.',
    remedy: 'Apply creates the key when there is no data, and the check value when it is missing.',
    impact: 'None: a key is created only where there is no data that another one has sealed.',
    async inspect({ host }) {
      const stat = await host.stat(PATH.key);
      if (!stat) return fail(`${PATH.key} does not exist`, 'a key of 32 random bytes');
      if ((await readCheck(host)) === undefined)
        return fail(`${PATH.key} is there, ${PATH.keyCheck} is not`, 'both');
      return pass(`${PATH.key} and ${PATH.keyCheck} are there`);
    },
  };
}

function format(): Control<Needed> {
  return {
    id: 'key.format',
    title: `The key is exactly 64 lower-case hex characters, ${DIFFERENT} or more of them different`,
    severity: 'required',
    section: SECTION,
    how: 'Reads the key file byte by byte, without showing it, matches it against 64 characters 0-9 a-f, and counts how many of them differ.',
    threat:
      'A line break or another letter case is read differently by different versions, which then hold different keys; a pattern is guessed.',
    remedy: `Rewrite ${PATH.key} as exactly 64 characters 0-9 a-f without a line break, keeping the key itself. If it is a pattern that somebody typed: ${ROTATE_KEY}.`,
    impact: 'A restart of CoreCube.',
    manual: true,
    async inspect({ host }) {
      const key = await host.readSecret(PATH.key);
      if (!key) return skip('there is no key yet');
      const value = key.reveal();
      if (/^[0-9a-f]{64}$/.test(value)) {
        const different = new Set(value).size;
        return different < DIFFERENT
          ? fail(`only ${different} of the 16 hex digits occur in it, which is a pattern`, '32 random bytes')
          : pass('64 hex characters, nothing else');
      }
      const seen = /^[0-9a-f]{64}\s+$/.test(value)
        ? 'white space after the key'
        : /^[0-9a-fA-F]{64}$/.test(value)
          ? 'upper-case letters'
          : `${value.length} characters of another kind`;
      return fail(seen, '64 lower-case hex characters');
    },
  };
}

function access(): Control<Needed> {
  return {
    id: 'key.access',
    title: `Only CoreCube's uid can read the key file`,
    severity: 'required',
    section: SECTION,
    refs: ['CIS Docker 5.31', 'CWE-732'],
    how: "Reads mode and owner of the key file and compares the owner with CoreCube's uid as the engine maps it.",
    threat:
      'Every local user or every container could read the key, or CoreCube could not and would make its own.',
    remedy: `chmod 600 ${PATH.key} and give it to uid ${UID.app} (as the engine maps it).`,
    impact: 'None for CoreCube; whoever else read the file no longer can.',
    async inspect({ host }) {
      const stat = await host.stat(PATH.key);
      if (!stat) return unknown('there is no key yet', 'key.exists');
      // Mode and owner of a link say nothing about the file that it leads to.
      if (stat.kind !== 'file')
        return unknown(`a ${stat.kind}: who can read the key cannot be told`, 'key.not-a-link');
      const uid = UID.app + (await uidShift(host));
      const seen = `mode 0${stat.mode.toString(8)}, owner ${stat.uid}:${stat.gid}`;
      const good = (stat.mode === 0o600 || stat.mode === 0o400) && stat.uid === uid;
      return good ? pass(seen) : fail(seen, `mode 0600, owner ${uid}`);
    },
  };
}

function directory(): Control<Needed> {
  return {
    id: 'key.directory',
    title: 'The directory of the secrets is closed to all but the operator',
    severity: 'required',
    section: SECTION,
    refs: ['CWE-732'],
    how: 'Reads kind, mode and owner of the directory that holds the secrets.',
    threat:
      "Who can write into the directory can put another key in its place; who can enter it and has the uid of a container, as a host's first account mostly has, can read the key.",
    remedy: `chmod 700 ${PATH.secrets} (711 on an engine with userns-remap) and give it to the user who administers this install.`,
    impact: 'None for the containers, whose files the engine mounts; other users can no longer enter it.',
    async inspect({ host }) {
      const stat = await host.stat(PATH.secrets);
      const owners = await operators(host);
      if (!stat) return fail(`${PATH.secrets}/ does not exist`, 'mode 0700');
      const seen = `mode 0${stat.mode.toString(8)}, owner ${stat.uid}`;
      if (stat.kind !== 'directory') return fail(`a ${stat.kind}`, 'a directory');
      // A closed directory is seen to be closed also while the engine does not answer.
      const mode = (stat.mode & 0o077) === 0 ? 0o700 : await secretsDirectoryMode(host);
      return (stat.mode & 0o077 & ~mode) === 0 && owners.has(stat.uid)
        ? pass(seen)
        : fail(seen, `mode 0${mode.toString(8)}, owner ${[...owners].join(' or ')}`);
    },
  };
}

function noLink(): Control<Needed> {
  return {
    id: 'key.not-a-link',
    title: 'The key is a file of its own, not a link',
    severity: 'required',
    section: SECTION,
    refs: ['CWE-59'],
    how: 'Reads what kind of file the key is, without following a link.',
    threat: 'A link can be turned to another file without a trace, and may lead into the data volume.',
    remedy: `Move the file itself to ${PATH.key}.`,
    impact: 'CoreCube reads the file at its next start; the key itself stays the same.',
    manual: true,
    inspect: async ({ host }): Promise<Verdict> => {
      const stat = await host.stat(PATH.key);
      if (!stat) return skip('there is no key yet');
      return stat.kind === 'file' ? pass('a regular file') : fail(`a ${stat.kind}`, 'a regular file');
    },
  };
}
