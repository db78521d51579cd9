/** The answers of a healthy install, as the tests of the Compose step share them. */
import type { ComposeAnswers } from '../../steps/compose/render.ts';

export const composeAnswers: ComposeAnswers = {
  image: 'corecube/corecube:v2',
  release: 'v2',
  domain: 'corecube.test',
  tls: 'internal',
  httpPort: 80,
  httpsPort: 443,
  listenAddress: '0.0.0.0',
  maxUploadMb: 50,
  sessionHours: 8,
  sessionIdleMinutes: 30,
  projectName: 'corecube',
  database: 'bundled',
  postgresImage: 'pgvector/pgvector:pg17',
  proxyImage: 'caddy:2',
  inferenceImage: undefined,
  adminRanges: ['198.51.100.7/32'],
};
