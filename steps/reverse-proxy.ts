// Guarantees that CoreCube is reached through one hardened Caddy only: TLS 1.2 and 1.3, the console for the allowed
// ranges, /v1 and /mcp for everybody. Never opens the proxy before Caddy has validated the file, never removes its
// volumes, stops waiting as soon as a certificate authority has refused.
import type { Change, Control } from '../src/core/step.ts';
import { defineStep } from './questions.ts';
import { accessControls } from './reverse-proxy/access.ts';
import { answerControls } from './reverse-proxy/answers.ts';
import { fileControls } from './reverse-proxy/certificate-files.ts';
import { copyFiles, reload, restart, start, writeConfig } from './reverse-proxy/changes.ts';
import { NEEDS, type ProxyAnswers } from './reverse-proxy/look.ts';
import { networkControls } from './reverse-proxy/network.ts';
import { publicAnswers } from './reverse-proxy/public.ts';
import { servingControls } from './reverse-proxy/serving.ts';
import { tlsControls } from './reverse-proxy/tls.ts';
import { SERVICE, UID } from './shared/layout.ts';
import { runningControls } from './shared/running-controls.ts';

/** How the controls of the container itself begin. */
const CONTAINER = 'running.proxy-';

const controls: readonly Control<ProxyAnswers>[] = [
  ...servingControls,
  ...fileControls,
  ...tlsControls,
  ...answerControls,
  ...accessControls,
  publicAnswers,
  ...networkControls,
  ...runningControls<ProxyAnswers>({
    prefix: CONTAINER,
    subject: 'The containers of the proxy',
    users: () => ({ [SERVICE.proxy]: `${UID.proxy}:${UID.proxy}` }),
    up: () => 'proxy.up',
    // Its ports are its purpose, it declares no init process, and proxy.container-current and proxy.data-kept see to the rest.
    without: ['ports', 'init', 'current', 'data-volume'],
  }),
];

/** What a container made anew from the files repairs. */
const RECREATE = ['proxy.up', 'proxy.container-current', 'proxy.data-kept', 'proxy.no-ipv6-publishing'];

/** A certificate that was not issued is asked for again by a reload: the container keeps its log, which counts attempts. */
const missingCertificate = (answers: ProxyAnswers, failing: ReadonlySet<string>) =>
  answers.tls === 'acme' && failing.has('tls.certificate');

export const reverseProxy = defineStep({
  id: 'reverse-proxy',
  title: 'Reverse proxy and TLS',
  why: 'CoreCube speaks plain HTTP and shows its console to everybody who reaches it. The proxy is the only way in: it encrypts, and it keeps the console for the networks you named.',
  needs: NEEDS,
  controls,
  async plan({ host, answers, failing }) {
    const repairable = controls.filter((c) => c.severity === 'required' && !c.manual && failing.has(c.id));
    if (repairable.length === 0) return [];
    const changes: Change[] = [];
    const files = failing.has('tls.files-copied');
    const config = failing.has('proxy.config-file');
    if (files) changes.push(copyFiles(answers));
    if (config) changes.push(await writeConfig(host, answers));
    if (repairable.some(({ id }) => RECREATE.includes(id) || id.startsWith(CONTAINER))) {
      changes.push(start(answers, 'Create the proxy from compose.yaml and start it last'));
    } else if (files) {
      changes.push(restart(answers));
    } else if (config || failing.has('proxy.config-current') || missingCertificate(answers, failing)) {
      changes.push(reload(answers));
    } else {
      changes.push(start(answers, `Create the proxy anew (${repairable.map((c) => c.id).join(', ')})`));
    }
    return changes;
  },
});
