/**
 * Every warning that stays, and why. A warning that is not here fails the test, and so does an entry whose warning is
 * gone. docs/cross-checks.md is made from this list.
 */
import type { Explained } from './types.ts';

const ALL = ['caddy', 'corecube', 'inference', 'pgvector'];

export const explained: readonly Explained[] = [
  {
    tool: 'CIS Docker',
    item: '4.5',
    why: "Every image is pinned by its digest, and verify compares what runs with it: the bytes cannot move. Content trust (Notary v1) would add the publisher's signature, but these images are not signed that way and could not be pulled at all.",
  },
  {
    tool: 'CIS Docker',
    item: '4.6',
    on: ALL,
    why: "The images are their vendors'. compose.yaml declares a health check for every service that documents something to ask; see 5.27 for the one that does not.",
  },
  {
    tool: 'CIS Docker',
    item: '5.8',
    on: ['caddy'],
    why: 'A web server is reached on 80 and 443. Other ports are answers (`httpPort`, `httpsPort`).',
  },
  {
    tool: 'CIS Docker',
    item: '5.12',
    on: ALL,
    why: 'Equal shares are the intent: under load each container gets its part, and none can starve another. A ceiling would throttle answers on a host with cores to spare. Who shares the host with other work sets `cpus` in compose.override.yaml.',
  },
  {
    tool: 'CIS Docker',
    item: '5.14',
    on: ['caddy'],
    why: 'By default the proxy serves every IPv4 address of the host, as the answer `listenAddress` says; with one address there the warning is gone. IPv6 is not published at all.',
  },
  {
    tool: 'CIS Docker',
    item: '5.15',
    on: ALL,
    why: 'unless-stopped: on-failure does not start a container again after a reboot, and a deployment that stays down after five failures is an outage that nobody was told of. `running.*-up` fails while a container restarts again and again.',
  },
  {
    tool: 'CIS Docker',
    item: '5.19',
    on: ALL,
    why: 'Not needed here: memory and the number of processes are limited by control groups (5.11, 5.29), which a process cannot raise. A lower limit on open files would break connections under load before it protects anything.',
  },
  {
    tool: 'CIS Docker',
    item: '5.27',
    on: ['inference'],
    why: 'Nothing is documented that CoreCube Inference could be asked. It runs on the internal network only; when it does not answer, CoreCube says so.',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '3.1.3',
    why: "The log is the container's standard error, which the engine keeps in five files of 10 MB (`compose.logs`); a collector would write into the data volume.",
  },
  {
    tool: 'CIS PostgreSQL',
    item: '3.1.22',
    why: 'verbose adds the place in the source code of PostgreSQL to each message, and with it three times the volume for nobody who reads it. SQLSTATE and the statement are in the log.',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '3.1.25',
    why: 'ddl would write the password verifier, or the password, of every CREATE and ALTER ROLE into the log. What matters of DDL is looked at itself: owners, rights and policies, in every verify.',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '3.2',
    why: 'pgAudit is not in the image that the guide names. CoreCube keeps an audit log of its own (`audit.*`), and sessions are in the log of the server (`pg.sessions-logged`).',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '4.8',
    why: 'set_user is not in the image that the guide names. Nobody works as the superuser: its password is in one file (0600), for verify and for a person in need.',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '5.2',
    why: "The container's network is the boundary: it is on one network without a way out, no port is published (`pg.not-published`), and its address is given by the engine at each start, so that none can be named.",
  },
  {
    tool: 'CIS PostgreSQL',
    item: '5.5',
    why: 'CoreCube documents no size of its connection pool; a limit guessed too low is an outage. max_connections (100) bounds all, and three connections are kept free for the superuser.',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '5.6',
    why: 'Passwords are made by this tool, 40 random characters, and reach the server as SCRAM verifiers, which passwordcheck cannot look into. `pg.passwords-not-default` tries the weak ones.',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '5.7',
    why: 'The timeout is 60 s as asked. auth_delay slows guessing down; 40 random characters cannot be guessed, only CoreCube can try, and held-back connections would let it use up all of them.',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '5.10',
    why: 'From the network the rule names one database and four roles. The two rules for all are for a person inside the container (socket and 127.0.0.1), with the password.',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '5.11',
    why: 'verify logs in as the superuser from the host, over the internal bridge, with TLS verified and SCRAM; the bridge has an address that is known only once it is made. Without the file with its password the checks that need it say that they were not seen.',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '6.7',
    why: 'FIPS mode belongs to the host and to an OpenSSL that is certified; the images have none. TLS 1.2 and later with ECDHE and AES-GCM are approved algorithms all the same.',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '6.9',
    why: 'CoreCube encrypts credentials itself, with the key that this tool guards; it asks for the extension vector only, and an extension that nobody uses is surface (1.8).',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '6.11',
    why: 'Anonymised copies are not part of this deployment, and the extension is not in the image.',
  },
  {
    tool: 'CIS PostgreSQL',
    item: '7.4',
    why: "Without a place to archive to, archiving fills the disk with WAL until the database stops. Backups are the operator's: `dumps.encrypted-medium` and `key.backup-apart` ask for them.",
  },
  {
    tool: 'CIS PostgreSQL',
    item: '8.2',
    why: 'The same: dumps are taken by the operator, and pgBackRest is not in the image.',
  },
  {
    tool: 'testssl.sh, database',
    item: 'cert_revocation',
    why: 'A private authority with one certificate needs no list: a key that is lost is replaced with its authority by one apply.',
  },
  {
    tool: 'testssl.sh, database',
    item: 'engine_problem',
    why: "About testssl.sh's own OpenSSL, which has no GOST engine.",
  },
  {
    tool: 'testssl.sh, proxy',
    item: 'TLS_session_ticket',
    why: 'Caddy names a lifetime of 7 days, the most that RFC 8446 (4.6.1) allows, and takes tickets for less: their keys are in memory only, are replaced every 12 hours and are gone with the process.',
  },
  {
    tool: 'testssl.sh, proxy',
    item: 'cert_revocation',
    why: "The certificate of the test, of an authority of its own. With `tls: acme` and `tls: files` the authority's certificate says where it is revoked.",
  },
  {
    tool: 'testssl.sh, proxy',
    item: 'engine_problem',
    why: "About testssl.sh's own OpenSSL, which has no GOST engine.",
  },
  {
    tool: 'testssl.sh, proxy',
    item: 'secure_renego',
    why: 'This one look of testssl.sh 3.0 sends no server name, and without the configured name the proxy shakes no hands (`proxy.other-hosts-refused`). Asked with the name, openssl says that secure renegotiation is supported; the test asks.',
  },
];
