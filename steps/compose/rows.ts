/** What compose.yaml must declare: one row per line of the guide (and of CIS Docker). */
import type { SectionId } from '../questions.ts';
import type { Property } from './violations.ts';

/** A statement about what is declared; one control is made of it. */
export interface Row {
  readonly property: Property;
  readonly title: string;
  readonly section: SectionId;
  readonly refs?: readonly string[];
  readonly how: string;
  readonly threat: string;
  /** About services that the operator added: only advised, and for a person to repair. */
  readonly own?: { readonly remedy: string; readonly impact: string; readonly manual: true };
}

/** One row per line of the guide (and of CIS Docker) that compose.yaml must declare. */
export const ROWS: readonly Row[] = [
  {
    property: 'services',
    title: 'Every service of the deployment is declared',
    section: 'docker-security',
    how: 'Reads the model that Compose makes of compose.yaml and looks for each service that the answers ask for.',
    threat: 'A part that is not declared is not hardened either.',
  },
  {
    property: 'read-only',
    title: 'Every root file system is declared read-only',
    section: 'docker-security',
    refs: ['CIS Docker 5.13'],
    how: 'Reads read_only of each service in the model that Compose makes of compose.yaml.',
    threat: 'An intruder in a container could change its programs and stay.',
  },
  {
    property: 'capabilities',
    title: 'Every capability is dropped but those that an image needs',
    section: 'docker-security',
    refs: ['CIS Docker 5.4'],
    how: 'Reads cap_drop and cap_add of each service in the model that Compose makes of compose.yaml.',
    threat: 'Capabilities are what a root process in a container needs to get out.',
  },
  {
    property: 'no-new-privileges',
    title: 'No process may gain privileges',
    section: 'docker-security',
    refs: ['CIS Docker 5.26'],
    how: 'Reads security_opt of each service in the model that Compose makes of compose.yaml.',
    threat: 'A set-uid program would turn a small hole into root.',
  },
  {
    property: 'tmpfs',
    title: 'Scratch space is a tmpfs that holds no programs',
    section: 'docker-security',
    how: 'Looks in each service of the model that Compose makes of compose.yaml for a tmpfs at /tmp, and for one that lets programs run.',
    threat: 'A writable disk keeps what an intruder drops there.',
  },
  {
    property: 'user',
    title: 'Every container is declared to run as its own uid, not as root',
    section: 'docker-security',
    refs: ['CIS Docker 4.1'],
    how: 'Compares user of each service in the model that Compose makes of compose.yaml with the uid that it shall have.',
    threat: 'Root inside is one kernel bug away from root outside.',
  },
  {
    property: 'init',
    title: 'CoreCube has an init process that reaps and forwards signals',
    section: 'docker-security',
    how: 'Reads init of CoreCube and inference in the model that Compose makes of compose.yaml.',
    threat: 'Without one, stopping kills it hard and dead children pile up.',
  },
  {
    property: 'data-volume',
    title: 'Data is kept in named volumes of this host',
    section: 'docker-security',
    how: 'Reads what is mounted where CoreCube, the database and the proxy keep data, variables that lead past it, and name, driver and options of these volumes, in the model that Compose makes of compose.yaml.',
    threat: 'Data in a container is gone with it, and a lost certificate store runs into issuance limits.',
  },
  {
    property: 'networks',
    title: 'The database and inference are on the internal network only',
    section: 'network-isolation',
    refs: ['CIS Docker 5.30'],
    how: 'Compares the networks of each service, and whether the internal one has a way out, in the model that Compose makes of compose.yaml.',
    threat: 'Whoever reaches the database only needs one password.',
  },
  {
    property: 'ports',
    title: 'Only the proxy publishes ports',
    section: 'network-isolation',
    refs: ['CIS Docker 5.14'],
    how: 'Lists the published ports of each service in the model that Compose makes of compose.yaml and compares them with the two of the proxy.',
    threat:
      'Docker publishes past the host firewall, and a published CoreCube bypasses the fence around its console.',
  },
  {
    property: 'limits',
    title: 'Memory and processes of every container are limited',
    section: 'operation',
    refs: ['CIS Docker 5.11', 'CIS Docker 5.29'],
    how: 'Reads mem_limit and pids_limit of each service in the model that Compose makes of compose.yaml.',
    threat: 'One request could take the host down.',
  },
  {
    property: 'healthchecks',
    title: 'Every service has a health check',
    section: 'operation',
    refs: ['CIS Docker 4.6'],
    how: 'Looks for a health check that is not switched off in each service of the model that Compose makes of compose.yaml; inference need not have one.',
    threat: 'A hung service looks like a running one.',
  },
  {
    property: 'restart',
    title: 'Every service is started again after a reboot',
    section: 'operation',
    refs: ['CIS Docker 5.15'],
    how: 'Reads the restart policy of each service in the model that Compose makes of compose.yaml.',
    threat: 'After a reboot the service stays down, or half of it.',
  },
  {
    property: 'logs',
    title: 'Logs are kept and bounded',
    section: 'operation',
    how: 'Reads the log driver and its size limit of each service in the model that Compose makes of compose.yaml.',
    threat: 'A full disk stops the database; no log leaves no trace.',
  },
  {
    property: 'isolation',
    title: 'No container is given the host',
    section: 'docker-security',
    refs: [
      'CIS Docker 5.5',
      'CIS Docker 5.10',
      'CIS Docker 5.16',
      'CIS Docker 5.17',
      'CIS Docker 5.18',
      'CIS Docker 5.32',
    ],
    how: 'Looks in the model that Compose makes of compose.yaml for privileged mode, host namespaces, devices, dangerous mounts and filters that are switched off.',
    threat: 'A privileged container, a host namespace or the engine socket is root on the host.',
  },
  {
    property: 'key-delivery',
    title: 'The key is delivered as one file to where both generations read it, and to no environment',
    section: 'encryption-key-management',
    how: "Reads where the key's secret is mounted in CoreCube, and every service's environment for key and passwords, in the model that Compose makes of compose.yaml.",
    threat:
      'Guide v2 ignores ENCRYPTION_KEY_FILE, makes its own key and loses every credential at the next redeploy; an environment shows in docker inspect.',
  },
  {
    property: 'secret-delivery',
    title: "Every secret is the install's own file, and no service is handed what only another one needs",
    section: 'encryption-key-management',
    refs: ['CWE-668'],
    how: "Compares the file of each secret, and what every service mounts and is given, in the model that Compose makes of compose.yaml, with what the install's own services need.",
    threat:
      'Whoever breaks into that service has passwords or documents that it never needed, or another authority answers for the database.',
  },
  {
    property: 'environment',
    title:
      'Every container runs the program of its image; no variable loads code, leads requests away or ends verification',
    section: 'docker-security',
    refs: ['CWE-295', 'CWE-427'],
    how: 'Looks in the model that Compose makes of compose.yaml for another entry point or command, what is mounted over programs or their configuration, and variables that load code, skip checks or name a proxy.',
    threat:
      'One variable from a search for an error message, and CoreCube sends passwords and documents to whoever answers.',
  },
  {
    property: 'certificate',
    title: 'Your own certificate, where there is one, is handed to the proxy as files',
    section: 'tls',
    how: 'Reads the secrets of the proxy in the model that Compose makes of compose.yaml; only where the certificate is your own.',
    threat: 'The proxy starts without its certificate, or not at all.',
  },
  {
    property: 'settings',
    title: 'Public URL and session lifetimes are declared for both generations',
    section: 'session-management',
    how: "Compares CoreCube's variables in the model that Compose makes of compose.yaml with the answers, for both generations.",
    threat:
      'Without an https public URL cookies are not Secure; the variable of the other generation leaves 7 or 30 days in force.',
  },
  {
    property: 'database-server',
    title:
      'The database is declared to start with TLS, SCRAM, the rules of this install and a log of sessions',
    section: 'postgresql-security',
    refs: ['CIS PostgreSQL 3.1.20', 'CIS PostgreSQL 6.8', 'CIS PostgreSQL 6.10'],
    how: "Reads the options on the database's command line in the model that Compose makes of compose.yaml.",
    threat:
      'The next start of the database would switch encryption off, let everybody in, or forget who was there.',
  },
  {
    property: 'foreign-hardened',
    title: 'Services that you added are hardened like those of this install',
    section: 'docker-security',
    refs: ['CIS Docker 5.4', 'CIS Docker 5.13', 'CIS Docker 5.26'],
    how: 'Reads the hardening of each service beyond those of this install in the model that Compose makes of compose.yaml and its override.',
    threat: 'The weakest container of a project is the one that an intruder starts from.',
    own: {
      remedy: `Give the named service what it lacks: read_only, cap_drop: [ALL], no-new-privileges, a user, mem_limit; where it cannot do without, accept that in writing.`,
      impact:
        'The service is recreated; one that writes to its own root file system needs a volume or a tmpfs.',
      manual: true,
    },
  },
];
