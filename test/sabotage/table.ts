/** Every breakage, in the order in which they are tried on one install. */
import { adminRows } from './admin.ts';
import { besideRows } from './beside.ts';
import { catalogueRows } from './catalogue.ts';
import { composeRows } from './compose.ts';
import { databaseRows } from './database.ts';
import { databaseLogRows } from './database-log.ts';
import { databaseServerRows } from './database-server.ts';
import { edgeRows } from './edge.ts';
import { halfWrittenRows } from './half-written.ts';
import { hostRows } from './host.ts';
import { keyRows } from './key.ts';
import { mountRows } from './mounts.ts';
import { networkRows } from './network.ts';
import { overrideRows } from './override.ts';
import { proxyRows } from './proxy.ts';
import { runningRows } from './running.ts';
import type { Sabotage } from './types.ts';

export const sabotages: readonly Sabotage[] = [
  ...keyRows,
  ...composeRows,
  ...halfWrittenRows,
  ...runningRows,
  ...mountRows,
  ...overrideRows,
  ...networkRows,
  ...edgeRows,
  ...databaseRows,
  ...databaseLogRows,
  ...databaseServerRows,
  ...catalogueRows,
  ...proxyRows,
  ...adminRows,
  ...hostRows,
  ...besideRows,
];
