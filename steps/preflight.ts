// Guarantees that the host can carry the deployment, and that the generation of the image is known, before anything else.
// Installs only packages of the distribution, pulls only images that are not here, removes nothing.
import type { Change } from '../src/core/step.ts';
import { clockControl } from './preflight/clock.ts';
import { NEEDS } from './preflight/common.ts';
import { engineControls } from './preflight/engine.ts';
import { externalDatabaseControls } from './preflight/external-database.ts';
import { hostControls } from './preflight/host.ts';
import { absentImages, imageControls, pullImages } from './preflight/images.ts';
import { installControls } from './preflight/install.ts';
import { networkControls } from './preflight/network.ts';
import { dockerInstallPlan } from './preflight/packages.ts';
import { defineStep } from './questions.ts';

export const preflight = defineStep({
  id: 'preflight',
  title: 'Preflight',
  why: 'Everything that would stop the deployment half-way is looked at first and shown at once. Each check has a name, and --skip NAME waives exactly that one.',
  needs: NEEDS,
  controls: [
    ...engineControls,
    ...hostControls,
    clockControl,
    ...networkControls,
    ...installControls,
    ...externalDatabaseControls,
    ...imageControls,
  ],
  async plan({ host, answers, failing }) {
    const changes: Change[] = [];
    if (failing.has('docker.installed') || failing.has('compose.version'))
      changes.push(...(await dockerInstallPlan(host)));
    const absent = failing.has('images.present') ? await absentImages(host, answers) : [];
    if (absent.length > 0) changes.push(pullImages(absent));
    return changes;
  },
});
