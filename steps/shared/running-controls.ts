/** The `running.*` controls, for the services of a step: the services step and the proxy's step share them. */
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import type { Answers, SectionId } from '../questions.ts';
import { containerOf } from './docker.ts';
import { SERVICE } from './layout.ts';
import { lookAtRunning, type RunningProperty } from './running.ts';

interface Row {
  readonly property: RunningProperty;
  readonly title: string;
  readonly section: SectionId;
  readonly refs?: readonly string[];
  readonly how: string;
  readonly threat: string;
}

const ROWS: readonly Row[] = [
  {
    property: 'read-only',
    title: 'have read-only root file systems',
    section: 'docker-security',
    refs: ['CIS Docker 5.13'],
    how: 'Reads ReadonlyRootfs in docker inspect of each running container.',
    threat: 'An intruder changes programs and stays.',
  },
  {
    property: 'capabilities',
    title: 'run without capabilities but those their images need',
    section: 'docker-security',
    refs: ['CIS Docker 5.4'],
    how: "Reads the dropped and added capabilities in docker inspect, and the kernel's effective and bounding sets of the first process where it can be seen.",
    threat: 'Capabilities are the way out of a container.',
  },
  {
    property: 'no-new-privileges',
    title: 'cannot gain privileges',
    section: 'docker-security',
    refs: ['CIS Docker 5.26'],
    how: "Reads the security options in docker inspect, and the kernel's NoNewPrivs of the first process where it can be seen.",
    threat: 'A set-uid program turns a small hole into root.',
  },
  {
    property: 'user',
    title: 'run as their own uid, not as root',
    section: 'docker-security',
    refs: ['CIS Docker 4.1'],
    how: "Reads the user in docker inspect, and the kernel's uid of the first process where it can be seen.",
    threat: 'Root inside is one kernel bug away from root outside.',
  },
  {
    property: 'tmpfs',
    title: 'have a tmpfs for scratch space',
    section: 'docker-security',
    how: 'Looks in docker inspect of each running container for a tmpfs at /tmp, and for one that lets programs run.',
    threat: 'A writable disk keeps what an intruder drops there.',
  },
  {
    property: 'program',
    title: 'run what their images bring, with nothing mounted over it',
    section: 'docker-security',
    refs: ['CWE-427'],
    how: 'Reads in docker inspect of each running container what is mounted over programs and libraries, and over the directory that configures the proxy or the database, which shall be read only.',
    threat:
      'Foreign code has the key, or foreign rules open the console, and the image is still the reviewed one.',
  },
  {
    property: 'init',
    title: 'have an init process where one is declared',
    section: 'docker-security',
    how: 'Reads Init in docker inspect of each running container that is declared to have an init process.',
    threat: 'Without one, stopping kills CoreCube hard and dead children pile up.',
  },
  {
    property: 'limits',
    title: 'run within the declared limits of memory and processes',
    section: 'operation',
    refs: ['CIS Docker 5.11', 'CIS Docker 5.29'],
    how: 'Reads the memory and process limits in docker inspect of each running container and compares them with the declared ones.',
    threat: 'One request takes the host down.',
  },
  {
    property: 'restart',
    title: 'come back after a reboot',
    section: 'operation',
    refs: ['CIS Docker 5.15'],
    how: 'Reads the restart policy in docker inspect of each running container; the host is not rebooted.',
    threat: 'After a reboot half of the deployment is down.',
  },
  {
    property: 'isolation',
    title: 'are given nothing of the host',
    section: 'docker-security',
    refs: ['CIS Docker 5.5', 'CIS Docker 5.10', 'CIS Docker 5.16', 'CIS Docker 5.17', 'CIS Docker 5.32'],
    how: "Reads privileged mode, namespaces, devices, mounts and security options in docker inspect, and the kernel's system call filter where it can be seen.",
    threat: 'A privileged container, a host namespace or the engine socket is root on the host.',
  },
  {
    property: 'networks',
    title: 'are on their own networks only, under their own names',
    section: 'network-isolation',
    refs: ['CIS Docker 5.30'],
    how: 'Compares the networks in docker inspect of each running container, and its names there, with those that it shall have.',
    threat:
      'A second network is a second way to the database; under the name of another service its connections are taken over.',
  },
  {
    property: 'requests',
    title: `ask ${SERVICE.app} directly, not through another proxy`,
    section: 'tls',
    refs: ['CWE-300'],
    how: 'Reads in docker inspect of each running container whether a variable names a proxy for plain HTTP, and whether that goes for CoreCube.',
    threat:
      'Every password, key and document passes that other proxy in plain text, or nothing is answered when it is down.',
  },
  {
    property: 'ports',
    title: 'publish no port of their own',
    section: 'network-isolation',
    refs: ['CIS Docker 5.14'],
    how: 'Lists the port bindings in docker inspect of each running container.',
    threat: 'A published port bypasses the proxy and the host firewall.',
  },
  {
    property: 'data-volume',
    title: 'keep their data in the named volumes',
    section: 'docker-security',
    how: 'Reads the mounts in docker inspect of each running container and looks for the named volumes where data is kept.',
    threat: 'Data in a container is gone with it at the next update.',
  },
  {
    property: 'healthchecks',
    title: 'are checked for health',
    section: 'operation',
    refs: ['CIS Docker 5.27'],
    how: 'Reads the health check in docker inspect of each running container.',
    threat: 'A hung service looks like a running one.',
  },
  {
    property: 'logs',
    title: 'keep a bounded log',
    section: 'operation',
    how: 'Reads the log driver and its size limit in docker inspect of each running container.',
    threat: 'A full disk stops the database; no log leaves no trace.',
  },
  {
    property: 'current',
    title: 'were created from the files as they are now',
    section: 'operation',
    how: "Compares the configuration hash on each container's label with the hash that docker compose config gives for the files now.",
    threat: 'An edited file that was never applied protects nobody.',
  },
];

export interface RunningSet<A> {
  /** Prefix of the ids: `running.` or `running.proxy-`. */
  readonly prefix: string;
  /** How the titles begin: `The containers`, `The proxy`. */
  readonly subject: string;
  /** Service -> user; what is not there does not apply. */
  users(answers: A): Readonly<Record<string, string>>;
  /** Id of the control that says that a service is up; what cannot be seen awaits it. */
  up(service: string): string;
  /** Properties that do not apply, or that another control of the step covers already. */
  readonly without?: readonly RunningProperty[];
}

/** One control per hardening property over all services of the set. */
export function runningControls<A extends Pick<Answers, 'projectName'>>(
  set: RunningSet<A>,
): readonly Control<A>[] {
  return ROWS.filter((row) => !set.without?.includes(row.property)).map((row) => ({
    id: `${set.prefix}${row.property}`,
    title: `${set.subject} ${row.title}`,
    severity: 'required',
    section: row.section,
    ...(row.refs ? { refs: row.refs } : {}),
    how: row.how,
    threat: row.threat,
    remedy: 'Apply recreates the container from the files; its data stays.',
    impact: 'The recreated service is away for some seconds.',
    async inspect({ host, answers }): Promise<Verdict> {
      const users = set.users(answers);
      const { running, violations, unseen } = await lookAtRunning(host, answers.projectName, users);
      const found = violations.filter((v) => v.property === row.property);
      if (found.length > 0) return fail(found.map((v) => v.text).join('; '), 'as declared');
      const missing = Object.keys(users).filter((service) => !running.includes(service));
      if (missing.length > 0)
        return unknown(`${missing.join(', ')} does not run`, set.up(missing[0] as string));
      const reason = unseen.get(row.property);
      if (reason !== undefined) return unknown(`the declaration cannot be told: ${reason}`);
      return pass(`looked at ${running.join(', ')}`);
    },
  }));
}

/** The control that a service runs and is healthy. `applies` says when the service is part of the deployment. */
export function upControl<A extends Pick<Answers, 'projectName'>>(
  service: string,
  applies: (answers: A) => boolean,
): Control<A> {
  return {
    id: `running.${service}-up`,
    title: `${service} runs and is healthy`,
    severity: 'required',
    section: 'operation',
    how: "Reads the state and the health of the service's container in docker inspect.",
    threat: 'What does not run cannot be proved, and does not serve.',
    remedy: `Apply starts it. docker compose logs ${service} tells why it stopped.`,
    impact: 'None: what needs it does not work until it runs.',
    async inspect({ host, answers }) {
      if (!applies(answers)) return skip(`${service} is not part of this deployment`);
      const container = await containerOf(host, answers.projectName, service);
      if (!container) return fail('there is no container', 'a healthy container');
      const { State } = container;
      if (State.Restarting)
        return fail(
          `it is being restarted again and again (${container.RestartCount} times)`,
          'a healthy container',
          'it crashes at the start',
        );
      if (State.Paused) return fail('paused: its processes are frozen', 'a healthy container');
      if (!State.Running)
        return fail(
          `${State.Status}, exit code ${State.ExitCode}${State.OOMKilled ? ', killed for memory' : ''}`,
          'a healthy container',
        );
      const health = State.Health?.Status;
      if (health === 'unhealthy') return fail('unhealthy', 'a healthy container');
      if (health === 'starting') return fail('still starting', 'a healthy container');
      return pass(
        health === undefined
          ? 'running; it declares no health check'
          : `running and ${health} since ${State.StartedAt.slice(0, 19)}`,
      );
    },
  };
}
