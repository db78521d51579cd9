/** Every answer: wording, default, parser. Flags, environment, prompts, schema and documentation derive from it. */
import { resolve } from 'node:path';
import { AnswerError } from '../src/core/errors.ts';
import { question, type ValueOf } from '../src/core/question.ts';
import type { Step } from '../src/core/step.ts';
import { PASSWORD_RULES } from './shared/admin-credentials.ts';
import * as grammar from './shared/grammar.ts';
import * as suggestions from './suggestions.ts';

const { choice, integer, list } = grammar;

export const questions = {
  image: question({
    title: 'Which CoreCube image shall run?',
    help: 'CoreCube documents no image name, so none is assumed. Take it from where you got CoreCube; a tag or a digest is required.',
    suggest: suggestions.image,
    threat: 'An image from somewhere else, or one whose tag moves, runs with your key and your data.',
    section: 'docker-security',
    kind: 'text',
    example: 'registry.corecube.test/corecube/corecube:1.4.2',
    parse: grammar.imageReference,
  }),
  release: question({
    title: 'Which documentation generation does the image follow?',
    help: 'Guide v1 and v2 give PGVECTOR_URL opposite meanings and read the encryption key from different places. auto rehearses the image without network and data, and reads what it does.',
    section: 'encryption-key-management',
    kind: 'choice',
    choices: ['auto', 'v1', 'v2'],
    example: 'auto',
    default: 'auto',
    parse: choice(['auto', 'v1', 'v2']),
  }),
  domain: question({
    title: 'Under which name do people reach CoreCube?',
    help: 'The certificate, the secure cookies and CORECUBE_PUBLIC_URL are bound to this name.',
    suggest: suggestions.domain,
    threat:
      'A name that is not yours gets no certificate, and cookies bound to a wrong name lock everybody out.',
    section: 'tls',
    kind: 'text',
    example: 'corecube.mycompany.org',
    parse: grammar.hostName,
  }),
  tls: question({
    title: 'Where does the certificate come from?',
    help: "acme: automatic (Let's Encrypt or another ACME directory). files: your own certificate. internal: a private authority that Caddy keeps, for networks without public names.",
    ask: 'start',
    choiceHelp: [
      "automatic, from Let's Encrypt or another ACME directory; the name must be public",
      'your own certificate and key, as PEM files',
      'a private authority that Caddy keeps, for networks without public names',
    ],
    suggest: suggestions.tls,
    prefill: true,
    threat:
      'Without a certificate that browsers trust, passwords and API keys cross the network readable, or people learn to click warnings away.',
    section: 'tls',
    kind: 'choice',
    choices: ['acme', 'files', 'internal'],
    example: 'acme',
    default: 'acme',
    parse: choice(['acme', 'files', 'internal']),
  }),
  acmeEmail: question({
    title: 'Which e-mail address does the certificate authority write to?',
    help: 'It is told when a certificate runs out without being renewed.',
    suggest: suggestions.email('ops'),
    threat: 'A certificate that is not renewed runs out unnoticed, and the service stops on a weekend.',
    section: 'tls',
    kind: 'text',
    example: 'ops@mycompany.org',
    when: { question: 'tls', is: ['acme'] },
    parse: grammar.email,
  }),
  acmeDirectory: question({
    title: 'Which ACME directory issues the certificate?',
    help: 'production has rate limits that lock a name out for days; staging issues certificates that browsers refuse, for rehearsals.',
    section: 'tls',
    kind: 'text',
    example: 'production',
    default: 'production',
    when: { question: 'tls', is: ['acme'] },
    parse: grammar.acmeDirectory,
  }),
  acmeRoot: question({
    title: 'Which root certificate does the ACME directory itself use?',
    help: 'Only for a private ACME directory whose certificate the system does not trust. A PEM file.',
    section: 'tls',
    kind: 'file',
    example: '/etc/ssl/private-acme-root.pem',
    optional: true,
    when: { question: 'tls', is: ['acme'] },
    parse: grammar.absolutePath,
  }),
  tlsCertificate: question({
    title: 'Where is the certificate chain (PEM)?',
    help: 'The leaf first, then the intermediates. It is copied into the install.',
    threat: 'A certificate for another name, or one that has run out, is refused by every client.',
    section: 'tls',
    kind: 'file',
    example: '/etc/ssl/corecube/fullchain.pem',
    when: { question: 'tls', is: ['files'] },
    parse: grammar.absolutePath,
  }),
  tlsKey: question({
    title: 'Where is the private key of the certificate (PEM)?',
    help: 'It is copied into the install with mode 0600, readable for the proxy only.',
    threat: 'Whoever reads the private key can pretend to be your server.',
    section: 'tls',
    kind: 'file',
    example: '/etc/ssl/corecube/privkey.pem',
    when: { question: 'tls', is: ['files'] },
    parse: grammar.absolutePath,
  }),
  adminRanges: question({
    title: 'Who may open the Admin Console?',
    help: 'Address ranges. Everyone else is refused; /v1 and /mcp stay open because they ask for API keys. Include the address you administer from.',
    suggest: suggestions.adminRanges,
    prefill: true,
    threat:
      'Whoever reaches the console can try passwords on it; with a range too narrow you lock yourself out.',
    section: 'admin-console-access',
    kind: 'list',
    example: ['10.0.0.0/8', '192.168.0.0/16'],
    parse: (raw) => {
      const ranges = list(grammar.adminRange)(raw);
      if (ranges.length === 0)
        throw new AnswerError(
          'no range',
          'at least one range',
          'name the network or address you administer from',
        );
      return ranges;
    },
  }),
  publicPaths: question({
    title: 'Which paths besides /v1 and /mcp are public?',
    help: 'For example a webhook path of your CoreCube. Each one is reachable by everybody.',
    section: 'admin-console-access',
    kind: 'list',
    example: ['/webhooks'],
    default: [],
    parse: list(grammar.publicPath),
  }),
  adminEmail: question({
    title: 'Which e-mail address does the administrator log in with?',
    help: 'It replaces admin@example.com, which the whole world knows, before CoreCube starts for the first time.',
    suggest: suggestions.email('admin'),
    threat: 'The default account admin@example.com is printed in the documentation; everybody knows it.',
    section: 'default-credential-change',
    kind: 'text',
    example: 'admin@mycompany.org',
    parse: grammar.email,
  }),
  otherAdmins: question({
    title: 'Which other accounts are meant to be administrators?',
    help: 'Their e-mail addresses in CoreCube. Every other administrator besides adminEmail is reported.',
    section: 'default-credential-change',
    kind: 'list',
    example: ['deputy@mycompany.org'],
    default: [],
    parse: list(grammar.email),
  }),
  adminPassword: question({
    title: "Where does the administrator's password come from?",
    help: 'generate makes one and keeps it in secrets/admin_password. A reference (file:/path, env:NAME) takes yours; it must have 12 to 72 bytes with upper and lower case, a digit and a special character.',
    ask: 'start',
    rules: PASSWORD_RULES,
    parseSecret: (secret) => ({ from: 'value', secret }) as const,
    threat:
      'The administrator reads every document and every connection. A weak password is guessed; the documented one is known.',
    section: 'password-policy',
    kind: 'secret',
    example: 'generate',
    default: 'generate',
    parse: grammar.secretReference,
  }),
  sessionHours: question({
    title: 'After how many hours must people log in again?',
    help: 'Sets SESSION_MAX_AGE_HOURS (guide v1) and SESSION_MAX_LIFETIME_HOURS (guide v2): the documented defaults are 7 and 30 days.',
    section: 'session-management',
    kind: 'text',
    pattern: '^[0-9]+$',
    example: '8',
    default: '8',
    parse: integer(1, 168, 'hours'),
  }),
  sessionIdleMinutes: question({
    title: 'After how many idle minutes does a session end?',
    help: 'Sets SESSION_IDLE_TIMEOUT_MINUTES, which guide v2 knows.',
    section: 'session-management',
    kind: 'text',
    pattern: '^[0-9]+$',
    example: '30',
    default: '30',
    parse: integer(1, 1440, 'minutes'),
  }),
  auditRetentionDays: question({
    title: 'How many days is the audit log kept?',
    help: 'Shorter saves storage and limits what can be found out after an incident.',
    section: 'audit-log-retention',
    kind: 'text',
    pattern: '^[0-9]+$',
    example: '90',
    default: '90',
    parse: integer(1, 3650, 'days'),
  }),
  auditQueryText: question({
    title: "How much of a query's text does the audit log keep?",
    help: 'full, truncated, or disabled for privacy-sensitive environments.',
    section: 'audit-log-retention',
    kind: 'choice',
    choices: ['full', 'truncated', 'disabled'],
    example: 'truncated',
    default: 'truncated',
    parse: choice(['full', 'truncated', 'disabled']),
  }),
  database: question({
    title: 'Which PostgreSQL holds the data?',
    help: 'bundled runs PostgreSQL with pgvector beside CoreCube on an internal network. external uses your server.',
    ask: 'start',
    choiceHelp: [
      'PostgreSQL with pgvector runs beside CoreCube, on a network of its own',
      'a server that you run; its admin URL comes from a file',
    ],
    suggest: suggestions.database,
    threat:
      'The database holds every document in plain text. On a server of yours, its network and its backups are your responsibility.',
    section: 'postgresql-security',
    kind: 'choice',
    choices: ['bundled', 'external'],
    example: 'bundled',
    default: 'bundled',
    parse: choice(['bundled', 'external']),
  }),
  databaseAdminUrl: question({
    title: 'Where is the admin URL of the external PostgreSQL?',
    help: 'A file with one postgresql:// URL of a role that may create roles and the extension. It is used for set-up and proof, and never given to CoreCube.',
    threat:
      'This role may do everything on your server; it is used for set-up and proof only, and never stored.',
    section: 'postgresql-security',
    kind: 'secret',
    example: 'file:/root/pg-admin-url',
    when: { question: 'database', is: ['external'] },
    parse: (raw) => {
      const reference = grammar.secretReference(raw);
      if (reference.from === 'generate')
        throw new AnswerError(
          'generate',
          'file:/absolute/path or env:NAME',
          'name the file that holds the URL',
        );
      return reference;
    },
  }),
  databaseCa: question({
    title: "Which certificate authority signed the external PostgreSQL's certificate?",
    help: 'A PEM file. Without a verified server an encrypted connection can still end at an impostor.',
    threat: 'Without the authority that signed it, an impostor with any certificate receives every document.',
    section: 'postgresql-security',
    kind: 'file',
    example: '/etc/ssl/postgres-ca.pem',
    when: { question: 'database', is: ['external'] },
    parse: grammar.absolutePath,
  }),
  postgresImage: question({
    title: 'Which PostgreSQL image shall run?',
    help: 'It must bring pgvector. It is pinned by digest once it has been pulled.',
    section: 'postgresql-security',
    kind: 'text',
    example: 'pgvector/pgvector:pg17',
    default: 'pgvector/pgvector:pg17',
    when: { question: 'database', is: ['bundled'] },
    parse: grammar.imageReference,
  }),
  proxyImage: question({
    title: 'Which Caddy image shall run?',
    help: 'It is pinned by digest once it has been pulled.',
    section: 'tls',
    kind: 'text',
    example: 'caddy:2',
    default: 'caddy:2',
    parse: grammar.imageReference,
  }),
  inferenceImage: question({
    title: 'Which CoreCube Inference image shall run, if any?',
    help: 'It runs on the internal network only, with the same hardening. Left out, none runs.',
    section: 'network-isolation',
    kind: 'text',
    example: 'registry.corecube.test/corecube/inference:1.4.2',
    optional: true,
    parse: grammar.imageReference,
  }),
  listenAddress: question({
    title: 'On which IPv4 address does the proxy listen?',
    help: "0.0.0.0 is every IPv4 address of this host. IPv6 is left out on purpose: behind Docker every IPv6 client can look like the bridge gateway, and the console's fence is void then.",
    section: 'admin-console-access',
    kind: 'text',
    example: '0.0.0.0',
    default: '0.0.0.0',
    parse: (raw) => {
      const address = grammar.cidr(raw);
      if (!/^[0-9.]+\/32$/.test(address))
        throw new AnswerError(
          JSON.stringify(raw),
          'an IPv4 address',
          'write 0.0.0.0 or one address of this host',
        );
      return address.slice(0, -3);
    },
  }),
  httpPort: question({
    title: 'On which port does the proxy redirect plain HTTP?',
    help: 'ACME validates over port 80; another port works only behind a forwarder.',
    section: 'tls',
    kind: 'text',
    pattern: '^[0-9]+$',
    example: '80',
    default: '80',
    parse: integer(1, 65535, 'the port number'),
  }),
  httpsPort: question({
    title: 'On which port does the proxy serve HTTPS?',
    help: 'Another port than 443 becomes part of the public URL.',
    section: 'tls',
    kind: 'text',
    pattern: '^[0-9]+$',
    example: '443',
    default: '443',
    parse: integer(1, 65535, 'the port number'),
  }),
  maxUploadMb: question({
    title: 'How large may an upload be, in MB?',
    help: 'Sets MAX_UPLOAD_SIZE_MB and the body limit of the proxy.',
    section: 'operation',
    kind: 'text',
    pattern: '^[0-9]+$',
    example: '50',
    default: '50',
    parse: integer(1, 10240, 'megabytes'),
  }),
  projectName: question({
    title: 'What is the Compose project called?',
    help: 'Containers, networks and volumes carry it. Two installs on one host need two names.',
    section: 'operation',
    kind: 'text',
    example: 'corecube',
    default: 'corecube',
    parse: (raw) => {
      const value = grammar.text(raw);
      if (!/^[a-z0-9][a-z0-9_-]{0,40}$/.test(value)) {
        throw new AnswerError(
          JSON.stringify(value),
          'lower-case letters, digits, hyphens and underscores',
          'start with a letter or digit, at most 41 characters',
        );
      }
      return value;
    },
  }),
  adminApi: question({
    title: 'Where are the admin routes, if they are not found by themselves?',
    help: 'CoreCube documents no admin route. Each item names one, such as login=POST /api/auth/login; nothing is sent to a path that is not named here or recognised in /v1/openapi.json.',
    section: 'operation',
    kind: 'list',
    example: ['login=POST /api/auth/login'],
    default: [],
    parse: list((raw) => {
      const value = grammar.text(raw);
      const match =
        /^(login|logout|session|profile-read|profile-write|settings-read|settings-write|api-keys|connections|users)=(GET|POST|PUT|PATCH|DELETE) ((?:\/[A-Za-z0-9._{}-]+)+)$/.exec(
          value,
        );
      if (!match)
        throw new AnswerError(
          JSON.stringify(value),
          'purpose=METHOD /path',
          'purposes are login, logout, session, profile-read, profile-write, settings-read, settings-write, api-keys, connections, users',
        );
      return value;
    }),
  }),
  keyBackup: question({
    title: 'Where is the copy of the encryption key, apart from the data volume?',
    help: 'Who made it, when, and where it is kept. Only a person knows this; without an answer the attestation stays open.',
    ask: 'step',
    threat: 'Without this key every stored credential is unreadable, and nobody can make it again.',
    section: 'encryption-key-management',
    kind: 'text',
    example: 'safe in office 2, sealed envelope, J. Doe, 2026-11-24',
    optional: true,
    parse: grammar.text,
  }),
  dumpEncryption: question({
    title: 'On which encrypted medium are database dumps stored?',
    help: 'CoreCube does not encrypt backups yet; the guide asks to store pg_dump files on encrypted media.',
    ask: 'step',
    threat:
      'A dump holds every document in plain text; a stolen disk with it is the same as a stolen database.',
    section: 'what-v1-does-not-include',
    kind: 'text',
    example: 'LUKS volume backup01, J. Doe, 2026-11-24',
    optional: true,
    parse: grammar.text,
  }),
  outside: question({
    title: 'Which look from another machine counts as evidence?',
    help: 'The JSON report of probe, taken on another machine; verify shows what it saw as controls of its own. It counts for 7 days.',
    threat:
      'From the host itself nobody sees what a firewall, a router or a second address in front opens or closes.',
    section: 'operation',
    kind: 'file',
    example: './probe.json',
    optional: true,
    transient: true,
    parse: (raw) => resolve(grammar.text(raw)),
  }),
};

export type QuestionId = keyof typeof questions;
export type Answers = { readonly [K in QuestionId]: ValueOf<(typeof questions)[K]> };

/** Declares a step: `needs` types the answers that its controls and its plan may read. */
export function defineStep<const K extends QuestionId>(
  step: Step<K, Pick<Answers, K>>,
): Step<K, Pick<Answers, K>> {
  return step;
}

/** Ids and titles of the guide's sections, in the guide's order; `operation` is ours, for what the guide is silent on. */
export const sections = {
  tls: 'TLS / HTTPS',
  'admin-console-access': 'Admin Console access restriction',
  'encryption-key-management': 'Encryption key management',
  'docker-security': 'Docker security',
  'postgresql-security': 'PostgreSQL security',
  'network-isolation': 'Network isolation',
  'default-credential-change': 'Default credential change',
  'password-policy': 'Password policy',
  'api-key-hygiene': 'API key hygiene',
  'session-management': 'Session management',
  'webhook-secrets': 'Webhook secrets',
  'audit-log-retention': 'Audit log retention',
  'dependency-updates': 'Dependency updates',
  'what-v1-does-not-include': 'What v1 does not include',
  operation: 'Operation (the guide is silent)',
} as const;
export type SectionId = keyof typeof sections;
