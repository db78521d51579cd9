/** Where a secret comes from, and what it is. */
import { ChangeError } from '../../src/core/errors.ts';
import type { HostReader } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import type { SecretReference } from './grammar.ts';

/**
 * The secret that a reference names, without the line breaks that editors put at the end of a file.
 * @throws {ChangeError} `refused` when the source is missing or empty, or when there is no source (`generate`)
 */
export async function resolveSecret(host: HostReader, reference: SecretReference): Promise<Secret> {
  switch (reference.from) {
    case 'generate':
      throw refused('generate names no source', 'Name a file (file:/path) or a variable (env:NAME).');
    case 'value':
      return kept(reference.secret, 'the given value');
    case 'file': {
      const secret = await host.readSecret(reference.path);
      if (secret === undefined)
        throw refused(`the file ${reference.path} does not exist`, 'Create it, readable for you only.');
      return kept(secret, `the file ${reference.path}`);
    }
    case 'env': {
      const value = host.env(reference.name);
      if (value === undefined)
        throw refused(`the variable ${reference.name} is not set`, `Set ${reference.name} for this command.`);
      return kept(new Secret(value), `the variable ${reference.name}`);
    }
  }
}

function kept(secret: Secret, where: string): Secret {
  const text = secret.reveal();
  const trimmed = text.replace(/[\r\n]+$/, '');
  if (trimmed === '') throw refused(`${where} is empty`, 'Put the secret there.');
  return trimmed === text ? secret : new Secret(trimmed);
}

const refused = (seen: string, fix: string) => new ChangeError('refused', seen, fix);

/** 64 characters, so that six random bits choose one without bias. None needs quoting in a URL, a shell or YAML. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';

/** 40 characters from `[A-Za-z0-9_-]` (240 random bits), the first one a letter or digit. */
export function generateSecret(randomBytes: (length: number) => Uint8Array): Secret {
  for (;;) {
    const text = [...randomBytes(40)].map((byte) => ALPHABET[byte & 63]).join('');
    // A leading hyphen would look like an option wherever somebody types it.
    if (/^[A-Za-z0-9]/.test(text)) return new Secret(text);
  }
}
