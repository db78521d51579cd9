/** What the running deployment shows to others: secrets in `docker inspect`, foreign containers, its generation. */
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, unknown } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { bootstrapInProgress, readAdminPassword } from '../shared/admin-credentials.ts';
import { composeModel } from '../shared/compose-project.ts';
import { type Container, containerOf, containers, serviceOf, withRealSources } from '../shared/docker.ts';
import { ENV, isOwnService, PATH, SERVICE } from '../shared/layout.ts';
import { databaseConnections } from '../shared/postgres.ts';
import { releaseOf } from '../shared/release.ts';
import { isolation } from '../shared/running-inspect.ts';

type Needed = Pick<Answers, 'projectName' | 'database' | 'databaseAdminUrl' | 'release' | 'image'>;
const UP = `running.${SERVICE.app}-up`;

async function mustRun(host: HostReader, project: string) {
  const container = await containerOf(host, project, SERVICE.app);
  return container?.State.Running ? container : undefined;
}

/** True for a container of a service of this deployment, false for one of a service that the operator added. */
const isOurs = (container: Container): boolean => isOwnService(serviceOf(container) ?? '');

export const exposureControls: readonly Control<Needed>[] = [
  {
    id: 'secrets.not-in-inspect',
    title: 'Key and passwords do not show in docker inspect',
    severity: 'required',
    section: 'encryption-key-management',
    refs: ['CIS Docker 4.10', 'CWE-526'],
    how: 'Searches the whole docker inspect output of every container of the project for the key and the kept passwords, and for the names of variables that hold them.',
    threat: 'docker inspect is read by monitoring, support bundles and every member of the docker group.',
    remedy: 'Apply recreates the containers from files that hand secrets over as files.',
    impact: 'A restart of the container that shows it.',
    async inspect({ host, answers }) {
      const all = await containers(host, answers.projectName);
      if (!(await mustRun(host, answers.projectName))) return unknown(`${SERVICE.app} does not run`, UP);
      // During the first boot the administrator's password is in the environment; the next step ends that and proves it.
      const bootstrap = await bootstrapInProgress(host);
      const key = (await host.readSecret(PATH.key))?.reveal().trim();
      if (!key) return unknown(`${PATH.key} is not there to be looked for`);
      const secrets: [string, string | undefined][] = [
        ['the encryption key', key],
        [
          "the database superuser's password",
          (await host.readSecret(PATH.databaseSuperuserPassword))?.reveal().trim(),
        ],
        ...(bootstrap
          ? []
          : ([["the administrator's password", (await readAdminPassword(host))?.reveal()]] as [
              string,
              string | undefined,
            ][])),
      ];
      const shown = all.flatMap((container) => {
        const text = JSON.stringify(container);
        return (
          secrets
            // As it is, and as JSON writes it: a quote or a backslash in a password is escaped there.
            .filter(
              ([, value]) =>
                value && [value, JSON.stringify(value).slice(1, -1)].some((v) => text.includes(v)),
            )
            .map(([name]) => `${name} in ${container.Name.slice(1)}`)
        );
      });
      // By name too: another key than the one in the file would be used instead of it, and is as visible.
      const names = ['ENCRYPTION_KEY', 'POSTGRES_PASSWORD', ...(bootstrap ? [] : ['CUBE_ADMIN_PASSWORD'])];
      for (const container of all.filter((c) => isOurs(c))) {
        const set = names.filter((name) =>
          (container.Config.Env ?? []).some((e) => e.startsWith(`${name}=`) && e.length > name.length + 1),
        );
        if (set.length > 0) shown.push(`the variable ${set.join(', ')} in ${container.Name.slice(1)}`);
      }
      return shown.length === 0
        ? pass(`looked through ${all.length} containers`)
        : fail(shown.join('; '), 'no secret in any container');
    },
  },
  {
    id: 'urls.in-environment',
    title: 'The connection URLs do not show in docker inspect',
    severity: 'advised',
    section: 'postgresql-security',
    how: "Reads the names of the variables in docker inspect of CoreCube's container.",
    threat: 'Who can run docker inspect reads the passwords of the database roles.',
    remedy:
      'Keep the docker group as small as root. CoreCube documents no way to read its connection URLs from files.',
    impact: 'Whoever leaves the group can no longer use Docker on this host.',
    async inspect({ host, answers }) {
      const container = await mustRun(host, answers.projectName);
      if (!container) return unknown(`${SERVICE.app} does not run`, UP);
      const names = (container.Config.Env ?? [])
        .map((e) => e.split('=')[0] ?? '')
        .filter((n) => ([ENV.main, ENV.app, ENV.maintenance] as string[]).includes(n));
      return names.length === 0
        ? pass('none there')
        : skip(
            `a limit of CoreCube: it takes ${names.join(', ')} from its environment only, so docker inspect shows them to root and the docker group`,
          );
    },
  },
  {
    id: 'running.no-extra-containers',
    title: 'Every container of the project is declared',
    severity: 'required',
    section: 'docker-security',
    how: 'Lists all containers of the project, stopped ones too, and compares them with the services that Compose makes of the files, of which each of ours has one; those of docker compose run are left out.',
    threat: 'A forgotten container of an earlier declaration keeps running without its hardening.',
    remedy: 'docker rm the named container once you know that nothing needs it.',
    impact: 'The named container ends; what it kept outside of volumes is lost.',
    manual: true,
    async inspect({ host, answers }) {
      const model = await composeModel(host, answers.projectName);
      if (!model) return unknown(`there is no ${PATH.compose} to compare with`);
      const all = await containers(host, answers.projectName);
      const extra = all.filter((c) => !Object.hasOwn(model.services, serviceOf(c) ?? ''));
      // Every other control looks at one container of a service: a second one would go unseen.
      const twice = Object.values(SERVICE).flatMap((service) => {
        const count = all.filter((c) => serviceOf(c) === service).length;
        return count > 1 ? [`${service} has ${count} containers`] : [];
      });
      const found = [...extra.map((c) => c.Name.slice(1)), ...twice];
      return found.length === 0
        ? pass(`${all.length} containers, all declared`)
        : fail(found.join(', '), 'one container for each declared service');
    },
  },
  {
    id: 'running.foreign-isolated',
    title: 'Containers that you added are given nothing of the host',
    severity: 'required',
    section: 'docker-security',
    refs: ['CIS Docker 5.5', 'CIS Docker 5.10', 'CIS Docker 5.16', 'CIS Docker 5.17', 'CIS Docker 5.32'],
    how: 'Reads privileged mode, namespaces, devices and mounts in docker inspect of each container of the project that this install does not declare.',
    threat: 'A privileged container beside CoreCube has CoreCube, its key and its database, and the host.',
    remedy: 'Take what is named out of the declaration of the service, and recreate it.',
    impact: 'The service is recreated without it.',
    manual: true,
    async inspect({ host, answers }) {
      const all = (await containers(host, answers.projectName)).filter((c) => !isOurs(c));
      const foreign = await Promise.all(all.map((c) => withRealSources(host, c)));
      const found = foreign.flatMap((c) =>
        isolation(c, host.dir).map((text) => `${c.Name.slice(1)} ${text}`),
      );
      if (found.length > 0) return fail(found.join('; '), 'nothing of the host');
      return pass(foreign.length === 0 ? 'there is none' : foreign.map((c) => c.Name.slice(1)).join(', '));
    },
  },
  {
    id: 'release.confirmed',
    title: 'The running server behaves as the documentation generation it was set up for',
    severity: 'required',
    section: 'encryption-key-management',
    how: 'Asks the database, as the owner, whether CoreCube keeps its sessions in PostgreSQL, as only guide v2 does.',
    threat:
      'PGVECTOR_URL means the least privileged connection in one generation and the most privileged one in the other.',
    remedy: 'Answer release: v1 or v2 as seen here, then apply again.',
    impact: 'CoreCube is recreated with the variables of that generation and away for some seconds.',
    manual: true,
    async inspect({ host, answers }) {
      const { release, evidence } = await releaseOf(host, answers);
      if (release !== 'v1' && release !== 'v2') return unknown(evidence);
      if (!(await mustRun(host, answers.projectName))) return unknown(`${SERVICE.app} does not run`, UP);
      const connections = await databaseConnections(host, answers);
      if (!connections) return unknown('the database cannot be reached', UP);
      // v2 keeps its sessions in PostgreSQL, v1 in SQLite (facts, section 6).
      const [result] = await host.sql(connections.owner, [
        {
          text: "select to_regclass('public.sessions') is not null as sessions, count(*)::int as tables from pg_tables where schemaname = 'public'",
        },
      ]);
      if (!result?.ok) return unknown(`the database could not be asked: ${result?.message ?? 'no result'}`);
      const { sessions, tables } = result.rows[0] as { sessions: boolean; tables: number };
      if (tables === 0) return unknown('the server has not migrated yet', UP);
      const seen = sessions ? 'v2: its sessions are in PostgreSQL' : 'v1: it keeps no sessions in PostgreSQL';
      return sessions === (release === 'v2')
        ? pass(`${seen}; ${evidence}`)
        : fail(seen, `${release} (${evidence})`);
    },
  },
];
