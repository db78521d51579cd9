import { randomBytes } from 'node:crypto';
import type { App } from './app.ts';
import { StartError } from './config.ts';
import { hashPassword, policyProblems } from './passwords.ts';

const DEFAULT_EMAIL = 'admin@example.com';
const DEFAULT_PASSWORD = 'changeme123';

/** The first admin, the first connection with its credential, and the check that stored credentials can be read. */
export async function seed(app: App): Promise<void> {
  await seedAdmin(app);
  if ((await app.store.connections()).length === 0) {
    const webhooks = app.config.generation === 'v1';
    await app.store.addConnection({
      name: 'Engineering wiki',
      kind: 'confluence',
      compartment: 'engineering',
      credential: `wiki-${randomBytes(18).toString('base64url')}`,
      ...(webhooks ? { webhook_enabled: true, webhook_secret: randomBytes(24).toString('base64url') } : {}),
    });
  }
  for (const row of await app.store.connections()) {
    if (app.store.credentialState(row.credential) !== 'unreadable') continue;
    app.log.error('cannot decrypt stored credential', { connection: row.name });
  }
}

/** CUBE_ADMIN_* count only while there is no user, and only both together. */
async function seedAdmin(app: App): Promise<void> {
  const { config, faults, store, log } = app;
  const first = (await store.userCount()) === 0;
  const survives = faults.has('default-login-survives');
  if (!first && !survives) return;
  const both = config.adminEmail !== undefined && config.adminPassword !== undefined;
  if (first && !both && (config.adminEmail ?? config.adminPassword) !== undefined) {
    log.warn('CUBE_ADMIN_EMAIL and CUBE_ADMIN_PASSWORD must be set together, using the defaults');
  }
  if (first && both && !survives && !faults.has('admin-env-ignored')) {
    const problems = policyProblems(config.generation, config.adminPassword ?? '');
    if (problems.length > 0) throw new StartError(`CUBE_ADMIN_PASSWORD needs ${problems.join(', ')}`);
    const hash = await hashPassword(config.generation, config.adminPassword ?? '');
    await store.addUser(config.adminEmail ?? '', 'Administrator', 'admin', hash, false);
    log.info('initial admin created from the environment');
    return;
  }
  const hash = await hashPassword(config.generation, DEFAULT_PASSWORD);
  const added = await store.addUser(DEFAULT_EMAIL, 'Administrator', 'admin', hash, true);
  if (added !== undefined) log.warn('initial admin created with the default password, change it now');
}
