/** The encryption key: its file, and what CoreCube's container has of it. Its content is never shown, hashed or compared here. */
import { containerOf, containers } from '../shared/docker.ts';
import { PATH, SERVICE, UID } from '../shared/layout.ts';
import { secretsDirectoryMode } from '../shared/secrets-directory.ts';
import { uidShift } from '../shared/userns.ts';
import { accessDrift } from './access.ts';
import { declaredOrNot, label, notCurrent, violates } from './containers.ts';
import { broken, firstOf, type Look, provedBy, type Rule } from './context.ts';
import { edited, missing, wasMade } from './files.ts';
import { when } from './memory.ts';
import { changedAt } from './times.ts';

/** Presence of the key and of its check value. */
export const keyPresence: Rule = async (look) => {
  const { host, memory } = look;
  for (const [path, change] of [
    [PATH.key, 'encryption-key.create'],
    [PATH.keyCheck, 'encryption-key.check-value'],
  ] as const)
    if (!(await host.stat(path))) return missing(path, memory.last ? 'written' : wasMade(look, change));
  return undefined;
};

const access =
  (wrong: number): Rule =>
  async (look, { control }) => {
    const owners = new Set([UID.app + (await uidShift(look.host))]);
    // 0400 is as good as 0600.
    return accessDrift(look, control, PATH.key, {
      mode: 0o600,
      owners,
      wrong,
      change: 'encryption-key.create',
    });
  };
export const keyAccess = access(0o7177);

export const secretsDirectory: Rule = async (look, { control }) => {
  const change = 'encryption-key.directory';
  if (!(await look.host.stat(PATH.secrets)))
    return missing(PATH.secrets, look.memory.last ? 'written' : wasMade(look, change));
  const owners = new Set([(await look.host.system()).uid, 0]);
  const mode = await secretsDirectoryMode(look.host);
  return accessDrift(look, control, PATH.secrets, { mode, owners, wrong: 0o077 & ~mode, change });
};

/** The key's content: what held at the last apply was changed by whoever wrote the file, for nothing else writes it. */
export const keyContent: Rule = async (look, { control }) => {
  const proved = provedBy(look, control);
  return proved
    ? broken(
        'edited-by-hand',
        `${PATH.key} is not what it was at the apply of ${when(proved.at)}; this tool never changes a key.`,
      )
    : undefined;
};

const delivery = (look: Look) =>
  declaredOrNot(look, SERVICE.app, violates(look, ['key-delivery'], ''), 'untold');

/** A key file that was replaced after the container was started: a mounted file stays the old one inside. */
async function replaced(look: Look) {
  const container = await containerOf(look.host, look.answers.projectName, SERVICE.app);
  const changed = await changedAt(look, PATH.key);
  const name = `The container of ${SERVICE.app}`;
  // A container that is not of these files may have been given another file in the first place.
  if (await notCurrent(look, SERVICE.app)) return undefined;
  return container && changed && changed > new Date(container.State.StartedAt)
    ? edited(`${PATH.key} was replaced on ${when(changed)}, after the container was started`, {
        follows: false,
        what: name,
      })
    : undefined;
}

/** A key that lies as it lay when the container was made: then the container was told to take another one. */
async function givenAnother(look: Look) {
  const container = await containerOf(look.host, look.answers.projectName, SERVICE.app);
  const changed = await changedAt(look, PATH.key);
  return container && changed && changed < new Date(container.Created)
    ? notCurrent(look, SERVICE.app)
    : undefined;
}

/** `key.only-corecube`: a file hands it to another service, or only the running container has it. */
export const keyElsewhere: Rule = async (look) => {
  const { host, answers } = look;
  for (const container of await containers(host, answers.projectName)) {
    const service = label(container, 'service') ?? '';
    if (service === SERVICE.app || !container.Mounts.some((m) => m.Source.endsWith(`/${PATH.key}`))) continue;
    return declaredOrNot(look, service, violates(look, ['key-delivery'], service));
  }
  return undefined;
};

export const keyInside: Rule = firstOf(delivery, givenAnother, replaced);
export const keyReadable: Rule = firstOf(access(0o7177), delivery);
export const keyUnreadable: Rule = firstOf(access(0o077), delivery);
