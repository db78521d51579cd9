/** Rows about the host itself: its engine, its clock, its network. */
import type { Sabotage } from './types.ts';

export const hostRows: readonly Sabotage[] = [];
