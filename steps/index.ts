/** The ordered list of steps: the only place where order is decided. */
import type { Product } from '../src/core/product.ts';
import { shellWord } from '../src/core/shell.ts';
import type { AnyStep } from '../src/core/step.ts';
import { adminAccount } from './admin-account.ts';
import { compose } from './compose.ts';
import { database } from './database.ts';
import { explainDrift } from './drift.ts';
import { encryptionKey } from './encryption-key.ts';
import { integrations } from './integrations.ts';
import { outsideProbe, outsideView } from './outside-view.ts';
import { preflight } from './preflight.ts';
import { questions, sections } from './questions.ts';
import { retention } from './retention.ts';
import { reverseProxy } from './reverse-proxy.ts';
import { services } from './services.ts';
import { HELPER_LABEL, PATH } from './shared/layout.ts';
import { VERSION } from './shared/version.ts';
import { upkeep } from './upkeep.ts';

/** Credentials change while nothing can be reached from outside; the proxy opens afterwards (design rule 8). */
export const steps: readonly AnyStep[] = [
  preflight,
  encryptionKey,
  compose,
  database,
  services,
  adminAccount,
  retention,
  reverseProxy,
  integrations,
  upkeep,
  outsideView,
];

export const product: Product = {
  name: 'create-corecube-secure',
  version: VERSION,
  description:
    'Deploys CoreCube hardened, proves every control by trying to break it, and repairs what drifts.',
  envPrefix: 'CORECUBE_SECURE',
  defaultDir: './corecube',
  steps,
  questions,
  sections,
  outside: outsideProbe,
  paths: {
    answers: PATH.answers,
    journal: PATH.journal,
    backups: PATH.backups,
    lock: PATH.lock,
    reportMarkdown: PATH.reportMarkdown,
    reportJson: PATH.reportJson,
    reportComplete: PATH.reportComplete,
    secrets: [PATH.secrets, PATH.env],
    evidence: PATH.evidence,
    waivers: PATH.waivers,
  },
  explainDrift,
  files: [PATH.compose, PATH.override, PATH.caddyfile, PATH.hba, PATH.answers, PATH.env, PATH.key],
  reveals: [{ label: "administrator's password", path: PATH.adminPassword }],
  helperLabel: HELPER_LABEL,
  helperImage: (raw) => raw('postgresImage') ?? raw('proxyImage'),
  keep: (dir, raw) => {
    const port = raw('httpsPort') === '443' ? '' : `:${raw('httpsPort')}`;
    return [
      [
        'key',
        `${dir}/${PATH.key}: without it every stored credential is unreadable; put a copy somewhere else now`,
      ],
      [
        'password',
        `${dir}/${PATH.adminPassword}: the administrator's password; log in, then keep it in your password manager`,
      ],
      ['console', `https://${raw('domain')}${port}/admin`],
      ['check again', `npx create-corecube-secure verify --dir ${shellWord(dir)}`],
    ];
  },
  exampleHeading: [
    'Answers for create-corecube-secure. Uncomment lines that start with a single # to change a default.',
    'Secrets are never written here, only where they come from: generate, file:/path or env:NAME.',
  ],
};
