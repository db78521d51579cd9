// Guarantees that the documented default login is refused, that the operator's own works, and that no password stays in
// the container's environment. Never sends a credential to a path that is not a login, never tries passwords out.
import { ChangeError } from '../src/core/errors.ts';
import type { HostReader } from '../src/core/host.ts';
import type { Change } from '../src/core/step.ts';
import {
  controls,
  isPowerless,
  NEEDS,
  type Needed,
  OWN_LOGIN,
  PASSWORD_FILE,
} from './admin-account/controls.ts';
import { userControls } from './admin-account/users.ts';
import { defineStep } from './questions.ts';
import { DEFAULT_ADMIN, ensureAdminPassword, readAdminPassword } from './shared/admin-credentials.ts';
import {
  closeDefaultAccount,
  observeAdmin,
  takeOverAccount,
  tryDefaultLogin,
} from './shared/corecube-api.ts';
import { PATH } from './shared/layout.ts';
import { recreateApp } from './shared/recreate-app.ts';
import { makeSecretsDirectory } from './shared/secrets-directory.ts';

export const adminAccount = defineStep({
  id: 'admin-account',
  title: 'Administrator account',
  why: 'CoreCube starts with a login that the whole world knows. It is replaced before anybody outside can reach the server, and the documented one is tried to prove that it is refused.',
  needs: NEEDS,
  controls: [...controls, ...userControls],
  async plan({ host, answers, signal, failing }) {
    const changes: Change[] = [];
    if (failing.has(PASSWORD_FILE)) changes.push(await passwordFileChange(answers, host));
    if (failing.has(OWN_LOGIN) || failing.has('admin.default-login-refused')) {
      const attempt = await tryDefaultLogin(host, answers, signal);
      const look = await observeAdmin(host, answers, signal);
      // Only beside an own login that was seen to work, as an administrator: otherwise the last way in would be closed.
      const beside = look.is === 'looked' && look.login.is === 'in' && !isPowerless(look);
      // An operator who keeps the password elsewhere takes care of the account; only a default that works is closed then.
      const elsewhere = look.is === 'looked' && look.login.is === 'not-kept' && !failing.has(PASSWORD_FILE);
      if (!beside && (attempt.is === 'works' || !elsewhere))
        changes.push(takeOver(answers, attempt.is === 'works'));
      else if (beside && attempt.is === 'works') changes.push(closeDefault(answers));
    }
    if (failing.has('admin.not-in-environment')) changes.push(finishBootstrap(answers));
    return changes;
  },
});

async function passwordFileChange(answers: Needed, host: HostReader): Promise<Change> {
  const stat = await host.stat(PATH.adminPassword);
  return {
    id: 'admin-account.password-file',
    summary:
      stat === undefined
        ? `Write the administrator's password to ${PATH.adminPassword} (mode 0600)`
        : `Give ${PATH.adminPassword} mode 0600 and the operator as owner`,
    ...(stat === undefined ? {} : { standsAlone: true }),
    async apply(writer) {
      const now = await writer.stat(PATH.adminPassword);
      if (now === undefined) {
        if (!(await writer.stat(PATH.secrets))) await makeSecretsDirectory(writer);
        await ensureAdminPassword(writer, answers.adminPassword);
        return;
      }
      if (now.kind !== 'file') {
        throw new ChangeError(
          'refused',
          `${PATH.adminPassword} is a ${now.kind}`,
          'Replace it by a plain file.',
        );
      }
      const { uid, gid } = await writer.system();
      await writer.setAccess(PATH.adminPassword, { mode: 0o600, uid, gid });
    },
  };
}

const takeOver = (answers: Needed, defaultFirst: boolean): Change => ({
  id: 'admin-account.take-over',
  disrupts: "The administrator's e-mail address and password change where the default login still works.",
  summary: `Log in to CoreCube; where the documented default still works, change it through the API to ${answers.adminEmail} and the stored password`,
  ...(defaultFirst ? { irreversible: true as const } : {}),
  async apply(host) {
    await takeOverAccount(host, answers, await ensureAdminPassword(host, answers.adminPassword), {
      defaultFirst,
    });
  },
});

const closeDefault = (answers: Needed): Change => ({
  id: 'admin-account.close-default',
  disrupts: 'The password of the default account is replaced by one that nobody knows.',
  summary: `Give ${DEFAULT_ADMIN.email} a random password that nobody knows; the account itself stays until you delete it`,
  irreversible: true,
  async apply(host) {
    const password = await readAdminPassword(host);
    if (password === undefined) {
      throw new ChangeError('refused', `${PATH.adminPassword} is gone`, 'Run this again.');
    }
    await closeDefaultAccount(host, answers, password);
  },
});

/** First the container, then the files: a run that is killed in between still sees that it is not finished. */
const finishBootstrap = (answers: Needed): Change => ({
  id: 'admin-account.finish-bootstrap',
  disrupts: 'CoreCube is recreated and away for some seconds; its data stays.',
  summary: 'Start CoreCube without the first-boot variables and remove the files that held them',
  async apply(host) {
    await recreateApp(host, answers.projectName);
    for (const path of [PATH.bootstrapCompose, PATH.bootstrapEnv]) {
      if (await host.stat(path)) await host.removeFile(path, { backup: false });
    }
  },
});
