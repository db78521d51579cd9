// Guarantees an encrypted, verified PostgreSQL that only SCRAM passwords open, and an app role that cannot get out of its
// rights, each proved by trying. Never removes a volume, never changes a superuser's password, never raises the app role.
import type { HostReader } from '../src/core/host.ts';
import type { Change, Control } from '../src/core/step.ts';
import {
  accessRules,
  certificateAccess,
  certificateFilesProblem,
  certificates,
  envChange,
  externalAuthority,
  superuserPasswordFile,
} from './database/file-changes.ts';
import { fileControls, fileProblems } from './database/file-controls.ts';
import { FURTHER_RIGHTS, furtherRights } from './database/further-rights.ts';
import { CERTIFICATE, ENV_FILE, NEEDS, type Needed, PASSWORD, UP, URLS } from './database/ground.ts';
import { logControls, SESSIONS_LOGGED } from './database/log-controls.ts';
import { otherRoleControls } from './database/other-roles.ts';
import { LOADED, passwordControls } from './database/password-controls.ts';
import { publicControls } from './database/public-controls.ts';
import { roleControls } from './database/role-controls.ts';
import { roleRepairChange } from './database/roles-change.ts';
import { serverControls } from './database/server-controls.ts';
import { serverSettings } from './database/server-settings.ts';
import { ROLE_SETTINGS, settingsControls } from './database/settings-controls.ts';
import { restartApp, startDatabase } from './database/start.ts';
import { superuserObjects } from './database/superuser-objects.ts';
import { defineStep } from './questions.ts';
import { containerOf } from './shared/docker.ts';
import { SERVICE } from './shared/layout.ts';
import { releaseOf } from './shared/release.ts';

export { roleRepairChange } from './database/roles-change.ts';

const controls: readonly Control<Needed>[] = [
  ...serverControls,
  ...passwordControls,
  ...fileControls,
  ...roleControls,
  ...publicControls,
  furtherRights,
  superuserObjects,
  ...settingsControls,
  serverSettings,
  ...otherRoleControls,
  ...logControls,
];

/** What only a container made anew from compose.yaml repairs. */
const RECREATES = ['pg.old-tls-refused', 'pg.not-published', SESSIONS_LOGGED, CERTIFICATE];
const RULES = ['pg.plaintext-refused', 'pg.scram-only', LOADED];
const WRITES_URLS = [ENV_FILE, URLS, 'pg.urls-verify-server'];
/** What the administrator of an external server must repair. */
const FOREIGN = [UP, CERTIFICATE, 'pg.plaintext-refused', 'pg.old-tls-refused'];

export const database = defineStep({
  id: 'database',
  title: 'Database',
  why: 'The guide asks for an encrypted connection and an application role that cannot touch row-level security. Roles, rights and TLS are set here, and then attacked with the real connection URLs.',
  needs: NEEDS,
  controls,
  async plan({ host, answers, failing }) {
    const changes: Change[] = [];
    const any = (ids: readonly string[]) => ids.some((id) => failing.has(id));
    const parts = new Set((await fileProblems(host, answers)).map((problem) => problem.part));
    // What waits for a start or for a trusted certificate has not been seen to be wrong.
    const reachable = !any([UP, CERTIFICATE, PASSWORD]);
    if (answers.database === 'external') {
      if (parts.has('authority-copy')) changes.push(externalAuthority(answers));
    } else {
      const isWrong = (await certificateFilesProblem(host)) !== undefined;
      if (isWrong && (parts.has('certificates') || any([UP, CERTIFICATE]))) changes.push(certificates);
      else if (parts.has('certificates')) changes.push(certificateAccess);
      if (parts.has('superuser-password')) changes.push(superuserPasswordFile);
      if (parts.has('rules') || (reachable && !any([ENV_FILE, URLS]) && any(RULES)))
        changes.push(await accessRules(host, answers));
    }
    if (any(WRITES_URLS)) changes.push(await envChange(host, answers));
    if (answers.database === 'bundled' && (any([UP, ...RECREATES]) || changes.includes(certificates)))
      changes.push(startDatabase(answers, any(RECREATES) && !failing.has(UP)));
    if (needsRoles(failing) || any([UP, URLS])) {
      const { release } = await releaseOf(host, answers);
      changes.push(roleRepairChange(answers, release === 'v1' ? 'v1' : 'v2'));
    }
    const renewed = changes.includes(certificates) || parts.has('authority-copy');
    if ((failing.has('pg.ca-delivered') || renewed) && (await appExists(host, answers.projectName)))
      changes.push(restartApp(answers));
    if (changes.length === 0 && answers.database === 'external' && any(FOREIGN))
      throw new Error(
        `${FOREIGN.filter((id) => failing.has(id)).join(', ')} can only be put right by whoever runs the external server`,
      );
    return changes;
  },
});

/** True when a control that the transaction of the roles repairs does not hold. */
const needsRoles = (failing: ReadonlySet<string>): boolean =>
  [...roleControls, ...publicControls].some((control) => failing.has(control.id)) ||
  ['pg.scram-only', 'pg.passwords-not-default', FURTHER_RIGHTS, ROLE_SETTINGS].some((id) => failing.has(id));

async function appExists(host: HostReader, project: string): Promise<boolean> {
  const app = await containerOf(host, project, SERVICE.app).catch(() => undefined);
  return app !== undefined;
}
