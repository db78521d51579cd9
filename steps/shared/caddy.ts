/** Caddy: the Caddyfile made of the answers, and the ways to ask a container what it makes of it. */
import { join } from 'node:path';
import { ChangeError } from '../../src/core/errors.ts';
import type { Host } from '../../src/core/host.ts';
import { fill } from '../../src/core/template.ts';
import template from '../../templates/Caddyfile?raw';
import type { Answers } from '../questions.ts';
import { APP_PORT, HELPER_LABEL, PATH, SERVICE, UID } from './layout.ts';

/** The answers that the Caddyfile is made of. */
export type CaddyAnswers = Pick<
  Answers,
  | 'domain'
  | 'tls'
  | 'acmeEmail'
  | 'acmeDirectory'
  | 'acmeRoot'
  | 'adminRanges'
  | 'publicPaths'
  | 'httpsPort'
  | 'maxUploadMb'
>;

/** Where Caddy finds things inside its container. */
export const IN_CADDY = {
  config: '/etc/caddy/Caddyfile',
  acmeRoot: '/etc/caddy/acme-root.pem',
  certificate: '/run/secrets/tls.crt',
  key: '/run/secrets/tls.key',
  /** Root of the private authority (`tls: internal`); Caddy makes it on its first start. */
  internalRoot: '/data/caddy/pki/authorities/local/root.crt',
} as const;

/**
 * The headers that every answer over TLS carries exactly once, as the template sets them.
 * HSTS: RFC 6797, one year; without includeSubDomains, because other hosts below this name may have no TLS.
 * X-Frame-Options: SAMEORIGIN, because the console may frame its own pages; other sites may not.
 */
export const SECURITY_HEADERS = {
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
  'referrer-policy': 'same-origin',
} as const;

/** The body of every refusal: tells a refusal by the proxy from an answer of CoreCube. */
export const REFUSAL = 'This address may not open this part of CoreCube.';

/** The origin people type, and `CORECUBE_PUBLIC_URL`: with the port when it is not 443. */
export function publicOrigin(answers: Pick<Answers, 'domain' | 'httpsPort'>): string {
  return `https://${answers.domain}${answers.httpsPort === 443 ? '' : `:${answers.httpsPort}`}`;
}

/** Bytes a request may have: one upload and 8 MiB for the form around it and its smaller companions. */
export function bodyLimit(maxUploadMb: number): number {
  return (maxUploadMb + 8) * 1024 * 1024;
}

/**
 * The regular expression (RE2) of what everybody may reach, matched against the request target as it was sent.
 * Prefixes end at a segment boundary, and every further segment holds a character that is not a dot.
 */
export function publicPattern(publicPaths: readonly string[]): string {
  const prefixes = [...new Set(['/v1', '/mcp', ...publicPaths])].map((path) =>
    path.slice(1).replaceAll('.', '\\.'),
  );
  return `^/(?:${prefixes.join('|')})(?:/[A-Za-z0-9._~:@-]*[A-Za-z0-9_~:@-][A-Za-z0-9._~:@-]*)*/?(?:\\?.*)?$`;
}

/** The API documentation, which answers without a key; a name that the operator made public is left out. */
export function documentationPattern(publicPaths: readonly string[]): string {
  const opened = publicPaths.map((path) => path.toLowerCase());
  const fenced = ['docs', 'openapi'].filter((name) => !opened.some((path) => path.startsWith(`/v1/${name}`)));
  return fenced.length === 0 ? '^$' : `(?i)^/v1/(?:${fenced.join('|')})`;
}

/** Whether the Caddyfile passes this request target to CoreCube for everybody. */
export function isServedToAll(target: string, publicPaths: readonly string[]): boolean {
  // RE2 takes the flag inside the pattern, JavaScript beside it.
  const documentation = new RegExp(documentationPattern(publicPaths).replace(/^\(\?i\)/, ''), 'i');
  return new RegExp(publicPattern(publicPaths)).test(target) && !documentation.test(target);
}

/** The global options that say who issues the certificate. */
function authority(answers: CaddyAnswers): string {
  if (answers.tls === 'internal') return '\tauto_https disable_redirects\n\tlocal_certs\n';
  // With certificate files no authority is ever contacted, not even for a name the files do not cover.
  if (answers.tls === 'files') return '\tauto_https off\n';
  const lines = [
    'auto_https disable_redirects',
    `email ${answers.acmeEmail}`,
    `acme_ca ${answers.acmeDirectory}`,
    ...(answers.acmeRoot === undefined ? [] : [`acme_ca_root ${IN_CADDY.acmeRoot}`]),
  ];
  return lines.map((line) => `\t${line}\n`).join('');
}

/** The Caddyfile for these answers. Every value comes from a parser of the question table. */
export function renderCaddyfile(answers: CaddyAnswers): string {
  const certificate = {
    acme: '',
    internal: ' internal',
    files: ` ${IN_CADDY.certificate} ${IN_CADDY.key}`,
  };
  return fill(template, {
    AUTHORITY: authority(answers),
    DOMAIN: answers.domain,
    ORIGIN: publicOrigin(answers),
    CERTIFICATE: certificate[answers.tls],
    ADMIN_RANGES: answers.adminRanges.join(' '),
    PUBLIC: publicPattern(answers.publicPaths),
    DOCUMENTATION: documentationPattern(answers.publicPaths),
    BODY_LIMIT: String(bodyLimit(answers.maxUploadMb)),
    UPSTREAM: `${SERVICE.app}:${APP_PORT}`,
    REFUSAL,
  });
}

/**
 * argv of a throw-away Caddy without network and without this install's volumes that reads a Caddyfile from
 * standard input. It sees the files that a Caddyfile names, read-only.
 */
export function throwAwayCaddy(
  dir: string,
  image: string,
  tls: Answers['tls'],
  command: readonly string[],
): string[] {
  const tmpfs = (path: string) => ['--tmpfs', `${path}:uid=${UID.proxy},gid=${UID.proxy},mode=0700,size=16m`];
  const mount = (source: string, target: string) => [
    '--mount',
    `type=bind,source=${join(dir, source)},target=${target},readonly`,
  ];
  return [
    'docker',
    'run',
    '--rm',
    '--interactive',
    '--label',
    `${HELPER_LABEL}=caddy`,
    '--network',
    'none',
    '--user',
    `${UID.proxy}:${UID.proxy}`,
    '--read-only',
    '--cap-drop',
    'ALL',
    // Caddy's file carries this capability: without it the program does not start, not even to validate.
    '--cap-add',
    'NET_BIND_SERVICE',
    '--security-opt',
    'no-new-privileges:true',
    '--pids-limit',
    '200',
    '--memory',
    '256m',
    ...['/data', '/config', '/tmp'].flatMap(tmpfs),
    ...mount(PATH.caddyDir, '/etc/caddy'),
    ...(tls === 'files'
      ? [...mount(PATH.tlsCertificate, IN_CADDY.certificate), ...mount(PATH.tlsKey, IN_CADDY.key)]
      : []),
    '--entrypoint',
    'caddy',
    image,
    ...command,
  ];
}

/**
 * Lets Caddy itself judge a Caddyfile before it replaces the live one: it is parsed and every part of it is set
 * up, certificates included.
 * @throws {ChangeError} with Caddy's own message; nothing has been replaced then
 */
export async function validateCaddyfile(
  host: Host,
  image: string,
  tls: Answers['tls'],
  content: string,
): Promise<void> {
  const command = ['validate', '--config', '-', '--adapter', 'caddyfile'];
  const argv = throwAwayCaddy(host.dir, image, tls, command);
  const result = await host.run(argv, { input: content, timeoutMs: 60_000 });
  if (result.code === 0) return;
  const lines = `${result.stdout}\n${result.stderr}`
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.includes('"level":"info"'));
  throw new ChangeError(
    'command',
    `Caddy refuses the configuration: ${lines.at(-1) ?? `exit ${result.code}`}`,
    'the running configuration is untouched; look at the message, correct the answer it names and run this again',
    lines.slice(-15),
  );
}
