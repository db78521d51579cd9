/** Who may be handed what of an install: nobody gets past it by another kind of mount. */
import { describe, expect, it } from 'vitest';
import type { ComposeModel } from '../../steps/shared/compose-project.ts';
import { declaredMounts, handedWithoutNeed } from '../../steps/shared/handed.ts';
import { SERVICE } from '../../steps/shared/layout.ts';

const dir = '/srv/corecube';
type Mount = [type: string, source: string, writable?: boolean];
const to = (service: string | undefined, ...given: Mount[]) =>
  handedWithoutNeed(
    given.map(([type, source, writable = false]) => ({ type, source, writable })),
    { project: 'cc', dir, service },
  );
const bind = (path: string): [string, string] => ['bind', `${dir}/${path}`];
const writable = (path: string): Mount => [...bind(path), true];
const volume = (name: string): [string, string] => ['volume', `cc_${name}`];

describe('what a container is handed without need', () => {
  it.each([
    [SERVICE.app, [bind('secrets/encryption_key'), bind('secrets/pg_ca.crt'), volume('corecube-data')]],
    [SERVICE.database, [bind('secrets/pg_superuser_password'), bind('secrets/pg_server.key')]],
    [SERVICE.database, [bind('secrets/pg_server.crt'), bind('postgres'), volume('pgvector-data')]],
    [SERVICE.proxy, [bind('secrets/tls.crt'), bind('secrets/tls.key'), bind('caddy'), volume('caddy-data')]],
    // The key in another service of the project is what key.only-corecube says.
    [SERVICE.proxy, [bind('secrets/encryption_key')]],
    // That it may write its own directory is what compares the programs says.
    [SERVICE.proxy, [writable('caddy')]],
    [SERVICE.database, [writable('postgres')]],
    ['added', [writable('site'), bind('caddy'), bind('postgres/pg_hba.conf')]],
    ['added', [bind('site'), bind('compose.yaml'), volume('added-data'), ['volume', 'other_corecube-data']]],
    [undefined, [bind('secrets/pg_ca.crt'), ['bind', '/srv/corecube-2/secrets'], ['tmpfs', dir]]],
  ] satisfies [string | undefined, Mount[]][])('%s: nothing of %j', (service, given) => {
    expect(to(service, ...given)).toEqual([]);
  });

  it.each([
    [SERVICE.proxy, bind('secrets/pg_superuser_password'), 'secrets/pg_superuser_password'],
    [SERVICE.app, bind('secrets/pg_superuser_password'), 'secrets/pg_superuser_password'],
    [SERVICE.app, bind('.env'), '.env'],
    [SERVICE.database, bind('secrets/pg_ca.key'), 'secrets/pg_ca.key'],
    [SERVICE.database, volume('corecube-data'), 'the volume cc_corecube-data'],
    [SERVICE.app, volume('pgvector-data'), 'the volume cc_pgvector-data'],
    ['added', bind('secrets'), 'secrets'],
    ['added', bind('.corecube-secure/backups/2026'), '.corecube-secure/backups/2026'],
    ['added', ['bind', dir], 'the install directory'],
    [undefined, bind('secrets/encryption_key'), `${dir}/secrets/encryption_key`],
    [undefined, bind('secrets/admin_password'), `${dir}/secrets/admin_password`],
    ['added', writable('caddy'), 'caddy writable'],
    [SERVICE.app, writable('postgres/pg_hba.conf'), 'postgres/pg_hba.conf writable'],
    [SERVICE.database, writable('caddy'), 'caddy writable'],
    [undefined, writable('caddy'), `${dir}/caddy writable`],
    [undefined, writable('compose.override.yaml'), `${dir}/compose.override.yaml writable`],
    [undefined, volume('caddy-data'), 'the volume cc_caddy-data'],
  ] satisfies [string | undefined, Mount, string][])('%s: %j', (service, given, what) => {
    expect(to(service, given)).toEqual([what]);
  });

  it('reads what a model declares: volumes by their whole names, secrets by their files', () => {
    const model = {
      name: 'cc',
      services: {
        added: {
          volumes: [
            { type: 'volume', source: 'pgvector-data', target: '/a' },
            { type: 'volume', source: 'renamed', target: '/b' },
            { type: 'bind', source: `${dir}/site`, target: '/c' },
          ],
          secrets: [{ source: 'token' }],
        },
      },
      volumes: { 'pgvector-data': {}, renamed: { name: 'cc_corecube-data' } },
      secrets: { token: { file: '/alias', realFile: `${dir}/secrets/admin_password` } },
    } as unknown as ComposeModel;
    const given = declaredMounts(model, 'added');
    expect(given.map(({ source }) => source)).toEqual([
      'cc_pgvector-data',
      'cc_corecube-data',
      `${dir}/site`,
      `${dir}/secrets/admin_password`,
    ]);
    expect(handedWithoutNeed(given, { project: 'cc', dir, service: 'added' })).toHaveLength(3);
    expect(declaredMounts(model, 'absent')).toEqual([]);
  });
});
