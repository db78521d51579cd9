import bcrypt from '@node-rs/bcrypt';
import type { Generation } from './config.ts';

/** Documented bcrypt cost per generation. */
const bcryptCost = (generation: Generation) => (generation === 'v1' ? 10 : 12);

/** What is wrong with a new password under the generation's policy; empty when nothing is. */
export function policyProblems(generation: Generation, password: string): string[] {
  if (generation === 'v2') return password.length >= 8 ? [] : ['at least 8 characters'];
  const rules: [boolean, string][] = [
    [password.length >= 12, 'at least 12 characters'],
    [/[A-Z]/.test(password), 'an uppercase letter'],
    [/[a-z]/.test(password), 'a lowercase letter'],
    [/[0-9]/.test(password), 'a digit'],
    [/[^A-Za-z0-9]/.test(password), 'a special character'],
  ];
  return rules.filter(([good]) => !good).map(([, name]) => name);
}

export function hashPassword(generation: Generation, password: string): Promise<string> {
  return bcrypt.hash(password, bcryptCost(generation));
}

/** Compared when the account does not exist, so that the answer takes as long as for one that does. */
const decoys = new Map<Generation, Promise<string>>();

export async function passwordMatches(
  generation: Generation,
  password: string,
  hash: string | undefined,
): Promise<boolean> {
  if (hash !== undefined) return bcrypt.compare(password, hash);
  let decoy = decoys.get(generation);
  if (decoy === undefined) {
    decoy = hashPassword(generation, 'no account has this password');
    decoys.set(generation, decoy);
  }
  await bcrypt.compare(password, await decoy);
  return false;
}
