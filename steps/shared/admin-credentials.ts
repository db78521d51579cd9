/** The administrator's password: where it comes from, what it must fulfil, how it is kept. */
import { ChangeError } from '../../src/core/errors.ts';
import type { Host, HostReader } from '../../src/core/host.ts';
import type { SecretRule } from '../../src/core/question.ts';
import { Secret } from '../../src/core/secret.ts';
import type { SecretReference } from './grammar.ts';
import { PATH } from './layout.ts';

/** The documented default account, known to everybody (guide, Default credential change). Not a secret. */
export const DEFAULT_ADMIN = { email: 'admin@example.com', password: 'changeme123' } as const;

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 64 characters, so that six random bits choose one without bias. None needs quoting in a URL, a shell or YAML. */
const ALPHABET = `${LETTERS}0123456789_-`;
const GENERATED_LENGTH = 28;

type Rule = SecretRule & { readonly broken: string };
/**
 * What a password must meet, the stricter of both generations (guide, Password policy) and bcrypt's limit of 72 bytes,
 * each with the sentence for one that does not.
 */
export const PASSWORD_RULES: readonly Rule[] = [
  {
    rule: '12 characters or more',
    met: (p) => [...p].length >= 12,
    broken: 'It has fewer than 12 characters.',
  },
  { rule: 'an upper-case letter', met: (p) => /[A-Z]/.test(p), broken: 'It has no upper-case letter.' },
  { rule: 'a lower-case letter', met: (p) => /[a-z]/.test(p), broken: 'It has no lower-case letter.' },
  { rule: 'a digit', met: (p) => /[0-9]/.test(p), broken: 'It has no digit.' },
  {
    rule: 'a special character',
    met: (p) => /[^A-Za-z0-9\s]/.test(p),
    broken: 'It has no special character.',
  },
  {
    rule: 'at most 72 bytes',
    met: (p) => Buffer.byteLength(p, 'utf8') <= 72,
    broken: 'It is longer than 72 bytes, and bcrypt ignores what comes after.',
  },
  {
    rule: 'no line break or other control character',
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    met: (p) => !/[\u0000-\u001f\u007f]/.test(p),
    broken: 'It holds a line break or another control character.',
  },
  {
    rule: 'not the documented default',
    met: (p) => !p.toLowerCase().includes(DEFAULT_ADMIN.password),
    broken: 'It contains the documented default password.',
  },
];

/**
 * The rules that a password does not meet, each as one sentence; empty when it meets all. Pure and fast: fit for a
 * live hint.
 */
export function checkPasswordPolicy(password: string): string[] {
  return PASSWORD_RULES.filter((rule) => !rule.met(password)).map((rule) => rule.broken);
}

/** A password of 28 characters (168 random bits) from `[A-Za-z0-9_-]` that meets every rule. */
export function generatePassword(randomBytes: (length: number) => Uint8Array): Secret {
  for (;;) {
    const text = [...randomBytes(GENERATED_LENGTH)].map((byte) => ALPHABET[byte & 63]).join('');
    // A leading hyphen would look like an option wherever somebody types it.
    if (!text.startsWith('-') && checkPasswordPolicy(text).length === 0) return new Secret(text);
  }
}

/** The password as the install keeps it; undefined when it is not kept (any more). Trailing line breaks do not count. */
export async function readAdminPassword(host: HostReader): Promise<Secret | undefined> {
  const secret = await host.readSecret(PATH.adminPassword);
  return secret === undefined ? undefined : withoutLineEnd(secret);
}

/** True from the moment the first boot is prepared until the account is proved: CUBE_ADMIN_* lie in a file. */
export async function bootstrapInProgress(host: HostReader): Promise<boolean> {
  return (await host.stat(PATH.bootstrapEnv)) !== undefined;
}

/**
 * The administrator's password. An existing `secrets/admin_password` is kept as it is; otherwise the reference is
 * read, checked against the policy, and written 0600 for the operator, exclusively from the first byte. The
 * directory must exist.
 * @throws {ChangeError} `refused` when the reference cannot be read or the password does not meet the policy
 */
export async function ensureAdminPassword(host: Host, reference: SecretReference): Promise<Secret> {
  const kept = await readAdminPassword(host);
  if (kept !== undefined) return kept;
  const secret = await fromReference(host, reference);
  const problems = checkPasswordPolicy(secret.reveal());
  if (problems.length > 0) {
    throw new ChangeError(
      'refused',
      `the administrator's password is not strong enough: ${problems.join(' ')}`,
      'Choose a password of 12 to 72 bytes with upper and lower case, a digit and a special character, or answer generate.',
    );
  }
  const { uid, gid } = await host.system();
  await host.writeFile(PATH.adminPassword, secret, { mode: 0o600, uid, gid, exclusive: true });
  return secret;
}

async function fromReference(host: Host, reference: SecretReference): Promise<Secret> {
  switch (reference.from) {
    case 'generate':
      return generatePassword((length) => host.randomBytes(length));
    case 'value':
      return withoutLineEnd(reference.secret);
    case 'file': {
      const secret = await host.readSecret(reference.path);
      if (secret === undefined) throw missing(`the file ${reference.path} does not exist`);
      return withoutLineEnd(secret);
    }
    case 'env': {
      const value = host.env(reference.name);
      if (value === undefined || value === '') throw missing(`the variable ${reference.name} is not set`);
      return withoutLineEnd(new Secret(value));
    }
  }
}

const missing = (seen: string) =>
  new ChangeError(
    'refused',
    `${seen}, and it was named as the source of the administrator's password`,
    'Provide it, or answer generate.',
  );

function withoutLineEnd(secret: Secret): Secret {
  const text = secret.reveal();
  const trimmed = text.replace(/[\r\n]+$/, '');
  return trimmed === text ? secret : new Secret(trimmed);
}
