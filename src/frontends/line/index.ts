import type { AnswerReport, Report } from '../../core/report.ts';
import type { PersonFrontend, PersonOptions, Reveal } from '../person.ts';
import { createAsk } from './ask.ts';
import { decide } from './decide.ts';
import { Narrator } from './narrate.ts';
import { capital, sentence } from './speech.ts';
import { createTerminal, type Terminal } from './terminal.ts';

/**
 * The same conversation as on the full screen, for a screen reader, a serial console or a terminal that cannot repaint:
 * sentences in order, numbers instead of arrows, words instead of colours and signs. Append-only, no escape sequence.
 */
export function lineFrontend(options: PersonOptions): PersonFrontend {
  const terminal = createTerminal(options);
  const narrator = new Narrator(terminal, options);
  const ask = createAsk(terminal, options.product.sections);
  let answers: readonly AnswerReport[] = [];
  let isOver = false;
  let isInstalled = false;
  let reveals: Promise<void> = Promise.resolve();

  const onAbort = () => {
    // A prompt ends by itself, and nothing is being changed behind it.
    if (isOver || terminal.isConversing()) return;
    terminal.gap();
    terminal.say('Cancelled. What is being done now is finished first; nothing else is begun.');
  };
  options.signal.addEventListener('abort', onAbort, { once: true });

  // A terminal that is gone refuses what is written, also after the end: the run still finishes its change and its journal.
  options.output.on('error', () => options.cancel());

  return {
    interactive: true,
    ask(asking) {
      narrator.pause();
      return ask(asking);
    },
    decide(proposal) {
      narrator.pause();
      return decide({ terminal, answers, isInstalled }, proposal);
    },
    emit(event) {
      if (event.type === 'answers') answers = event.answers;
      narrator.tell(event);
      if (event.type === 'run-end') {
        // A look comes before a repair, and what it found runs.
        isInstalled = event.report.mode === 'verify';
        isOver = !isInstalled;
        if (isFinished(event.report)) reveals = sayWhere(terminal, options.reveals);
      }
    },
    async close() {
      isOver = true;
      narrator.pause();
      options.signal.removeEventListener('abort', onAbort);
      await reveals;
    },
  };
}

const isFinished = (report: Report): boolean => report.mode === 'apply' && !report.stopped;

/** Says where each secret is kept. It is never shown here: a transcript and a voice both carry it away. */
async function sayWhere(terminal: Terminal, reveals: readonly Reveal[]): Promise<void> {
  for (const { label, path, read } of reveals) {
    const kept = await read().catch(() => undefined);
    if (kept) terminal.say(sentence(`${capital(label)} is in ${path}`));
  }
}
