// Guarantees that the database, inference and CoreCube run as declared, with the key of this install, and that the app
// role cannot get past row-level security. CoreCube is never reachable from outside while a first boot is under way.
import type { Change, Control } from '../src/core/step.ts';
import { expectedUsers } from './compose/violations.ts';
import { POLICIES, policyControls, RECORDED, recordPolicies, restorePolicies } from './database/policies.ts';

import { rlsControls } from './database/rls-controls.ts';
import { roleRepairChange } from './database.ts';
import { type Answers, defineStep } from './questions.ts';
import { startApp, startService } from './services/changes.ts';
import { edgeClosed, edgeFault, remakeEdge } from './services/edge-network.ts';
import { exposureControls } from './services/exposure-controls.ts';
import { keyControls } from './services/key-controls.ts';
import { neighbourControls } from './services/neighbour-controls.ts';
import { networkControls } from './services/network-controls.ts';
import { sharingControls } from './services/sharing-controls.ts';
import { volumeControls } from './services/volume-controls.ts';
import { movedTag } from './shared/held-images.ts';
import { SERVICE } from './shared/layout.ts';
import { lookAtRunning } from './shared/running.ts';
import { runningControls, upControl } from './shared/running-controls.ts';

const NEEDS = [
  'projectName',
  'image',
  'release',
  'database',
  'databaseAdminUrl',
  'inferenceImage',
  'postgresImage',
  'proxyImage',
  'adminEmail',
  'adminPassword',
] as const;
type Needed = Pick<Answers, (typeof NEEDS)[number]>;

/** The services of this step; the proxy is started by its own, last. */
const users = (answers: Needed) => {
  const { [SERVICE.proxy]: _, ...rest } = expectedUsers(answers);
  return rest;
};
const up = (service: string) => `running.${service}-up`;

const controls: readonly Control<Needed>[] = [
  upControl(SERVICE.database, (a) => a.database === 'bundled'),
  upControl(SERVICE.inference, (a) => a.inferenceImage !== undefined),
  upControl(SERVICE.app, () => true),
  ...runningControls<Needed>({
    prefix: 'running.',
    subject: 'The containers',
    users,
    up,
    // What CoreCube asks through a proxy of the operator's is theirs to say.
    without: ['requests'],
  }),
  ...keyControls,
  ...volumeControls,
  ...neighbourControls,
  ...networkControls,
  edgeClosed,
  ...sharingControls,
  ...exposureControls,
  ...rlsControls,
  ...policyControls,
];

/** What only a container made anew repairs, whichever of the step's containers it is about. */
const RECREATES_APP = [
  'key.readable-inside',
  'key.unreadable-by-others',
  'key.same-inside',
  'secrets.not-in-inspect',
];

export const services = defineStep({
  id: 'services',
  title: 'Services',
  why: 'The database and CoreCube are started behind closed doors: nothing is published until the default login is gone. What runs is then compared with what was declared, and the key is proved from inside.',
  needs: NEEDS,
  controls,
  async plan({ host, answers, failing }) {
    const changes: Change[] = [];
    const { violations } = await lookAtRunning(host, answers.projectName, users(answers)).catch(() => ({
      violations: [],
    }));
    const drifted = (service: string) => violations.filter((v) => v.service === service);
    const why = (service: string) => {
      const properties = [...new Set(drifted(service).map((v) => v.property))];
      return properties.length > 0
        ? `Recreate ${service}, which drifted (${properties.join(', ')})`
        : `Start ${service}`;
    };
    const remade =
      failing.has(edgeClosed.id) && (await edgeFault(host, answers).catch(() => undefined)) !== undefined;
    if (remade) changes.push(remakeEdge(answers));
    for (const service of [SERVICE.database, SERVICE.inference]) {
      if (!(service in users(answers))) continue;
      if (failing.has(up(service)) || drifted(service).length > 0) {
        changes.push(startService(answers, service, why(service), drifted(service).length > 0));
      }
    }
    if (
      rlsControls.some((c) => failing.has(c.id) && c.severity === 'required') &&
      !failing.has(up(SERVICE.app))
    ) {
      changes.push(roleRepairChange(answers));
    }
    // What drifted is brought back before another image migrates on top of it; what a (new) image's migrations make is
    // recorded once it has run them.
    const restored = failing.has(POLICIES) ? await restorePolicies(host, answers) : undefined;
    if (restored) changes.push(restored);
    const recreate = remade || drifted(SERVICE.app).length > 0 || RECREATES_APP.some((id) => failing.has(id));
    if (failing.has(up(SERVICE.app)) || recreate) changes.push(startApp(answers, why(SERVICE.app), recreate));
    if (failing.has(up(SERVICE.app)) || recreate || failing.has(RECORDED)) {
      const moved = await movedTag(host, answers.projectName, SERVICE.app);
      if (moved !== undefined)
        throw new Error(`${moved}: what its migrations made is not recorded before somebody has chosen it`);
      changes.push(recordPolicies(answers));
    } else if (failing.has(POLICIES) && changes.length === 0)
      throw new Error(
        'a table, a policy, a trigger, a view, a rule or a function was added, and only a person can say whether it may stay',
      );
    return changes;
  },
});
