import { defineConfig } from 'vitest/config';

/** Two projects: `unit` needs nothing but Node; `e2e` starts real Docker, PostgreSQL and Caddy. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: ['test/e2e/**', 'test/bed/**'],
          testTimeout: 20_000,
          // One more than the default on two cores: most of these wait for a child or a hash.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/e2e/built.ts',
          testTimeout: 600_000,
          hookTimeout: 900_000,
          // Each file has hosts of its own; two at a time fill the two cores without starving a deadline.
          maxWorkers: 2,
        },
      },
    ],
  },
});
