/** What the running deployment shows to others: secrets in `docker inspect`, foreign containers, its generation. */
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, unknown } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { bootstrapInProgress, readAdminPassword } from '../shared/admin-credentials.ts';
import { composeModel } from '../shared/compose-project.ts';
import { containerOf, containers, docker } from '../shared/docker.ts';
import { ENV, NETWORK, PATH, SERVICE } from '../shared/layout.ts';
import { databaseConnections } from '../shared/postgres.ts';
import { releaseOf } from '../shared/release.ts';

type Needed = Pick<Answers, 'projectName' | 'database' | 'databaseAdminUrl' | 'release' | 'image'>;
const UP = `running.${SERVICE.app}-up`;

async function mustRun(host: HostReader, project: string) {
  const container = await containerOf(host, project, SERVICE.app);
  return container?.State.Running ? container : undefined;
}

export const exposureControls: readonly Control<Needed>[] = [
  {
    id: 'secrets.not-in-inspect',
    title: 'Key and passwords do not show in docker inspect',
    severity: 'required',
    section: 'encryption-key-management',
    refs: ['CIS Docker 4.10', 'CWE-526'],
    how: 'Searches the whole docker inspect output of every container of the project for the key and the kept passwords.',
    threat: 'docker inspect is read by monitoring, support bundles and every member of the docker group.',
    remedy: 'Apply recreates the containers from files that hand secrets over as files.',
    impact: 'A restart of the container that shows it.',
    async inspect({ host, answers }) {
      const all = await containers(host, answers.projectName);
      if (!(await mustRun(host, answers.projectName))) return unknown(`${SERVICE.app} does not run`, UP);
      // During the first boot the administrator's password is in the environment; the next step ends that and proves it.
      const bootstrap = await bootstrapInProgress(host);
      const secrets: [string, string | undefined][] = [
        ['the encryption key', (await host.readSecret(PATH.key))?.reveal()],
        [
          "the database superuser's password",
          (await host.readSecret(PATH.databaseSuperuserPassword).catch(() => undefined))?.reveal().trim(),
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
        return secrets
          .filter(([, value]) => value && text.includes(value))
          .map(([name]) => `${name} in ${container.Name.slice(1)}`);
      });
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
    id: 'running.internal-members',
    title: 'Nothing else is connected to the internal network',
    severity: 'required',
    section: 'network-isolation',
    refs: ['CIS Docker 5.30'],
    how: 'Lists the members of the internal network in docker network inspect, and whether it has a way out.',
    threat: 'A container on the internal network reaches the database past every fence.',
    remedy: 'docker network disconnect the named container, or give it a network of its own.',
    impact: 'The named container loses its way to the database.',
    manual: true,
    async inspect({ host, answers }) {
      if (!(await mustRun(host, answers.projectName))) return unknown(`${SERVICE.app} does not run`, UP);
      const result = await docker(host, ['network', 'inspect', `${answers.projectName}_${NETWORK.internal}`]);
      if (result.code !== 0) throw new Error(`the network cannot be looked at: ${result.stderr.trim()}`);
      const [network] = JSON.parse(result.stdout) as [
        { Internal: boolean; Containers: Record<string, { Name: string }> | null },
      ];
      if (!network.Internal) return fail('the network has a way out', 'an internal network');
      const own = new Set(
        (await containers(host, answers.projectName))
          .filter((c) =>
            [SERVICE.app, SERVICE.database, SERVICE.inference].includes(
              c.Config.Labels['com.docker.compose.service'] as never,
            ),
          )
          .map((c) => c.Id),
      );
      const members = Object.entries(network.Containers ?? {});
      const foreign = members.filter(([id]) => !own.has(id)).map(([, c]) => c.Name);
      return foreign.length === 0
        ? pass(
            members
              .map(([, c]) => c.Name)
              .sort()
              .join(', '),
          )
        : fail(`${foreign.join(', ')} joined it`, 'CoreCube, the database and inference only');
    },
  },
  {
    id: 'running.no-extra-containers',
    title: 'Every container of the project is declared',
    severity: 'required',
    section: 'docker-security',
    how: 'Lists all containers of the project, stopped ones too, and compares them with the services that Compose makes of the files.',
    threat: 'A forgotten container of an earlier declaration keeps running without its hardening.',
    remedy: 'docker rm the named container once you know that nothing needs it.',
    manual: true,
    async inspect({ host, answers }) {
      const model = await composeModel(host, answers.projectName);
      const all = await containers(host, answers.projectName);
      const extra = all.filter(
        (c) => !((c.Config.Labels['com.docker.compose.service'] as string) in (model?.services ?? {})),
      );
      return extra.length === 0
        ? pass(`${all.length} containers, all declared`)
        : fail(extra.map((c) => c.Name.slice(1)).join(', '), 'no container beyond the declared ones');
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
