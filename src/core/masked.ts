/** Public files as people may see them: what somebody typed into one may be a secret all the same. */
import { MASK, redact } from './secret.ts';

/**
 * Values of settings whose name says that they are secret (with a sign between, or in a Caddyfile's lines with a space), what
 * follows an authorization scheme, what a DNS provider is given, passwords in URLs, hashes of passwords, keys.
 */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [
    /([A-Za-z0-9_.-]*(?:key|password|passwd|passphrase|secret|token|credential)[A-Za-z0-9_.-]*["']?[ \t]*[:=](?![ \t]*(?:["']?(?:\$\{|\.?\/)|[[{]|$))[ \t]*)("[^"\n]*"|'[^'\n]*'|[^\n,}\]]+)/gim,
    `$1${MASK}`,
  ],
  [
    /^([-+ \t]*(?:(?:request_)?header(?:_up|_down)?[ \t]+)?[+>]?[A-Za-z0-9_-]*(?:auth|key|passw|passphrase|secret|token|credential|cookie)[A-Za-z0-9_-]*[ \t]+)(?![{:=])("[^"\n]*"|'[^'\n]*'|`[^`\n]*`|\S+)[ \t]*$/gim,
    `$1${MASK}`,
  ],
  [/^([-+ \t]*(?:acme_)?dns[ \t]+[\w.-]+[ \t]+)(?!\{[ \t]*$)\S.*$/gim, `$1${MASK}`],
  [/\b(bearer|basic)[ \t]+[^\s'"]{8,}/gi, `$1 ${MASK}`],
  [/(:\/\/[^\s:/@]*:)[^\s@]+@/g, `$1${MASK}@`],
  [/\$2[abxy]?\$\d\d\$[^\s'"]+/g, MASK],
  [/(?<!sha256:)\b[0-9a-fA-F]{64}\b/g, MASK],
];

/** A public file as a diff may show it: whatever somebody typed into it, no secret comes along. */
export const masked = (text: string): string =>
  SECRETS.reduce((out, [pattern, mask]) => out.replace(pattern, mask), redact(text));
