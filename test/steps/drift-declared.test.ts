/** Causes of what is declared for more than one container of ours: networks, added services, files that Compose refuses. */
import { beforeEach, describe, expect, it } from 'vitest';
import { steps } from '../../steps/index.ts';
import { DIR, DriftHost } from './drift-host.ts';

const CONTROLS = steps.flatMap((step) => step.controls.map((control) => control.id));
let host: DriftHost;
beforeEach(async () => {
  host = await DriftHost.applied(CONTROLS);
});
const linkOf = async (control: string, observed?: string) => (await host.explain(control, observed))?.link;
const OVERRIDE = 'compose.override.yaml';
const WATCHER = 'services: { watcher: { image: x, volumes: ["/var/run/docker.sock:/s"] } }\n';

describe('the internal network', () => {
  const open = () => host.edit('compose.yaml', 'internal: true', 'internal: false');

  it('given a way out in the file, not applied and applied', async () => {
    open();
    expect(await host.explain('compose.networks')).toMatchObject({
      link: 'edited-not-applied',
      detail: expect.stringMatching(/The network internal has not followed\.$/),
      diff: expect.stringMatching(/^\+.*internal: false/m),
    });
    host.internal = false;
    expect(await host.explain('compose.networks')).toMatchObject({
      link: 'edited-by-hand',
      detail: expect.stringMatching(/The network internal has it too\.$/),
    });
    expect(await linkOf('running.internal-closed')).toBe('edited-by-hand');
  });

  it('made anew past the files', async () => {
    host.internal = false;
    expect(await linkOf('running.internal-closed')).toBe('changed-at-run-time');
    host.finish(8, []);
    expect(await host.explain('running.internal-closed')).toBeUndefined();
  });

  it('joined by a container that no file declares; by one of a service that was declared once', async () => {
    expect(await linkOf('running.edge-members')).toBe('changed-at-run-time');
    host.write(OVERRIDE, WATCHER, 60);
    host.create('watcher', 61, { networks: ['corecube_edge'] });
    host.files.delete(OVERRIDE);
    for (const control of ['running.edge-members', 'running.no-extra-containers'])
      expect(await host.explain(control), control).toMatchObject({
        link: 'edited-not-applied',
        detail: expect.stringContaining('does not declare watcher any more'),
      });
    expect(await linkOf('running.internal-members')).toBe('changed-at-run-time');
  });
});

describe('a service that a person added', () => {
  it('never started, and started', async () => {
    host.write(OVERRIDE, WATCHER, 60);
    for (const control of ['compose.override-keeps-hardening', 'compose.foreign-hardened'])
      expect(await linkOf(control), control).toBe('edited-not-applied');
    host.create('watcher', 61);
    for (const control of ['compose.override-keeps-hardening', 'compose.foreign-hardened'])
      expect(await host.explain(control), control).toMatchObject({
        link: 'edited-by-hand',
        detail: expect.stringMatching(/The container of watcher has it too\.$/),
      });
  });

  it('given a secret of the install, by a file and past the files', async () => {
    expect(await host.explain('running.nothing-shared')).toBeUndefined();
    host.write(OVERRIDE, WATCHER, 60);
    host.create('watcher', 61, { mounts: [`${DIR}/secrets`] });
    expect(await host.explain('running.nothing-shared')).toMatchObject({
      link: 'edited-by-hand',
      detail: expect.stringMatching(/^corecube-watcher-1 was created on .* from a service that was added/),
    });
    host.files.delete(OVERRIDE);
    expect(await host.explain('running.nothing-shared')).toMatchObject({
      link: 'changed-at-run-time',
      detail: expect.stringContaining('no file of this install declares it'),
    });
  });

  it('given the socket of the engine past the files', async () => {
    host.write(OVERRIDE, 'services: { watcher: { image: x } }\n', 60);
    host.create('watcher', 61, { mounts: ['/var/run/docker.sock'] });
    expect(await linkOf('running.foreign-isolated')).toBe('changed-at-run-time');
  });
});

describe('two edits, one of them applied', () => {
  it('each is told by the service that its finding names', async () => {
    const declares = (caddy: string) =>
      `services: { corecube: { read_only: false }, caddy: { privileged: ${caddy} } }\n`;
    host.write(OVERRIDE, declares('true'), 60);
    host.create('caddy', 61);
    const control = 'compose.override-keeps-hardening';
    expect(await host.explain(control, 'caddy is privileged')).toMatchObject({
      link: 'edited-by-hand',
      detail: expect.stringMatching(/declared for caddy\. The container of caddy has it too\.$/),
    });
    expect(await linkOf(control, 'corecube has a writable root file system')).toBe('edited-not-applied');
    expect(await linkOf(control, 'caddy is privileged; corecube has a writable root file system')).toBe(
      'edited-not-applied',
    );
  });
});

describe('files that Compose refuses', () => {
  it('the override file: ours alone is taken', async () => {
    host.write(OVERRIDE, 'services: [\n', 60);
    expect(await host.explain('compose.valid')).toMatchObject({
      link: 'edited-not-applied',
      detail: expect.stringContaining(OVERRIDE),
    });
  });

  it('compose.yaml, edited; as it was written, nobody is accused', async () => {
    host.edit('compose.yaml', 'services:', 'services: [');
    expect(await host.explain('compose.valid')).toMatchObject({
      link: 'edited-not-applied',
      detail: expect.stringContaining('compose.yaml is not as this tool left it'),
    });
    host.edit('compose.yaml', 'services: [', 'services:');
    expect(await host.explain('compose.valid')).toBeUndefined();
  });

  it('compose.yaml removed: everything that is compared with it says so', async () => {
    host.files.delete('compose.yaml');
    for (const control of ['compose.valid', 'images.pinned', 'proxy.container-current'])
      expect(await host.explain(control), control).toMatchObject({
        link: 'edited-by-hand',
        detail: expect.stringContaining('has been removed since'),
      });
  });
});

describe('one container of ours', () => {
  it('paused: nothing but a command does that', async () => {
    host.create('corecube', 5, { state: { Running: true, Paused: true, Status: 'paused' } });
    expect((await host.explain('running.corecube-up'))?.detail).toContain('was paused');
  });

  it('privileged by the override file: that is why it has every capability', async () => {
    host.write(OVERRIDE, 'services: { caddy: { privileged: true } }\n', 60);
    host.create('caddy', 61, { host: { Privileged: true, CapAdd: ['SYS_ADMIN'] } });
    for (const control of ['running.proxy-capabilities', 'running.proxy-isolation'])
      expect(await linkOf(control), control).toBe('edited-by-hand');
  });

  it('handed the key past the files', async () => {
    host.create('caddy', 5, { mounts: [`${DIR}/secrets/encryption_key`] });
    expect(await linkOf('key.only-corecube')).toBe('changed-at-run-time');
  });

  it('told to take another key than the file that lay there already', async () => {
    host.create('corecube', 60, { files: [`${DIR}/../other.yaml`], hash: 'other' });
    expect(await linkOf('key.same-inside')).toBe('changed-at-run-time');
  });
});

describe('the database', () => {
  it('started with other options: the file is told, not the running server', async () => {
    host.edit('compose.yaml', 'log_connections=on', 'log_connections=off');
    host.create('pgvector', 61);
    expect(await linkOf('pg.sessions-logged')).toBe('edited-by-hand');
    expect(await linkOf('pg.old-tls-refused')).toBe('changed-at-run-time');
  });

  it('another role met over a URL of .env: the URL is told, not the rights of the role', async () => {
    host.edit('.env', 'postgresql://corecube_app:', 'postgresql://corecube_owner:');
    expect(await linkOf('pg.app-attributes')).toBe('edited-not-applied');
    expect(await linkOf('pg.maintenance-attributes')).toBe('changed-at-run-time');
  });

  it('its certificate written again after this tool made it', async () => {
    host.log(4, { event: 'change-done', change: 'database.certificates' });
    host.write('secrets/pg_server.crt', 'made', 3);
    expect(await host.explain('pg.server-certificate')).toBeUndefined();
    host.write('secrets/pg_server.crt', 'another', 60);
    expect(await linkOf('pg.server-certificate')).toBe('edited-by-hand');
  });
});
