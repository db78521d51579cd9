import type { Plugin } from 'esbuild';

export const rawPlugin: Plugin;
export const inkParts: Plugin;
