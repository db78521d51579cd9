// Guarantees that what an outsider sees is told apart from what this host sees of itself. `probe` looks from another
// machine, without Docker and without an install; a verify takes its report as evidence, when it is whole, fresh, of
// this install and from elsewhere. Sends no credential, changes nothing, and calls nothing proved that was not seen.
import type { OutsideProbe } from '../src/core/product.ts';
import type { Step } from '../src/core/step.ts';
import { type ProbeAnswers, probeQuestions } from './outside-view/answers.ts';
import { outsideControls } from './outside-view/controls.ts';
import { NEEDS, STEP, shown, viewTaken } from './outside-view/evidence.ts';
import { describeLook, type Look } from './outside-view/survey.ts';
import { defineStep } from './questions.ts';

/** In an install: what the handed-in look has shown. Without one, a single advice. */
export const outsideView = defineStep({
  id: STEP,
  title: 'Outside view',
  why: 'From the host itself neither a firewall nor a second address is seen. What another machine saw, and handed in, counts here.',
  needs: NEEDS,
  controls: [
    viewTaken,
    ...outsideControls.map((control) => ({
      ...control,
      inspect: (context: Parameters<typeof viewTaken.inspect>[0]) => shown(control.id, context),
    })),
  ],
});

const probeStep: Step<keyof ProbeAnswers & string, ProbeAnswers> = {
  id: STEP,
  title: 'Outside view',
  why: 'Makes about 150 requests and seven handshakes at each address of the name, and tries one connection to each of four ports that must be closed. No credential is sent and nothing is changed. Aim it only at a host that is yours.',
  needs: ['target', 'inside', 'ca', 'httpPort', 'publicPaths', 'adminRanges'],
  controls: outsideControls,
};

/** The look from another machine. */
export const outsideProbe: OutsideProbe = {
  steps: [probeStep],
  questions: probeQuestions,
  async problems(host, answers) {
    const { ca } = answers as unknown as ProbeAnswers;
    if (ca === undefined) return [];
    const fix =
      'name the file of the private authority (for tls: internal it is root.crt in the volume of the proxy)';
    const expected = 'a PEM file with a certificate';
    try {
      const pem = await host.readText(ca);
      if (pem?.includes('-----BEGIN CERTIFICATE-----')) return [];
      const seen = pem === undefined ? `${ca} does not exist` : `${ca} holds no certificate`;
      return [{ where: '--ca', seen, expected, fix }];
    } catch (error) {
      return [{ where: '--ca', seen: `${ca}: ${(error as Error).message}`, expected, fix }];
    }
  },
  describe: (context) => describeLook(context as unknown as Look),
};
