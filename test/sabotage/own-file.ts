/** compose.override.yaml of the install that is broken: the operator's own file, which the tool never writes. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Install } from '../e2e/support.ts';
import { keep } from './containers.ts';

export const OVERRIDE = 'compose.override.yaml';

/**
 * Switches the login throttle of the stand-in off, for every look logs in. During a start health is asked for often
 * instead of every five seconds, Docker's default: each row that starts a container waits for its health.
 */
const OWN = `services:
  pgvector:
    healthcheck: { start_interval: 200ms }
  corecube:
    healthcheck: { start_interval: 200ms }
    environment:
      CORECUBE_FAULTS: no-throttle
`;

/** Writes the operator's file before the first apply. */
export const prepareOwnFile = (install: Install): Promise<void> => writeFile(install.path(OVERRIDE), OWN);

/** Adds lines to the operator's file, behind those of CoreCube's environment; `putBack` takes them away. */
export async function addToOwnFile(install: Install, lines: string): Promise<void> {
  await keep(install, OVERRIDE);
  await writeFile(install.path(OVERRIDE), `${OWN}${lines}`);
}

/** Adds a key to the database's part of the operator's file; `putBack` takes it away. */
export async function addToDatabase(install: Install, line: string): Promise<void> {
  await keep(install, OVERRIDE);
  const text = await readFile(install.path(OVERRIDE), 'utf8');
  await writeFile(install.path(OVERRIDE), text.replace('  pgvector:\n', `$&    ${line}\n`));
}
