import { EXIT } from '../../core/errors.ts';
import type { Decision, Event, Frontend, Reply } from '../../core/frontend.ts';
import type { ChangeReport, Report } from '../../core/report.ts';
import { foundExit } from '../../core/verdict.ts';
import { printableReport, printableStep } from '../../report/printable.ts';
import { renderAnswers, renderEnd, renderStep, type TextStyle } from '../../report/text.ts';

export interface ScriptOptions {
  /**
   * What the operator agreed to beforehand. `all`: every change (`--yes`). `harmless`: what neither interrupts nor rotates
   * anything (`verify --fix`). `none`: nothing.
   */
  readonly consent: 'all' | 'harmless' | 'none';
  readonly style: TextStyle;
  readonly write: (text: string) => void;
  /** Lines for "keep these" at the end of an apply. */
  keep(report: Report): readonly (readonly [string, string])[];
}

/** Asks nothing: everything was answered beforehand. Prints sentences, append-only, no escape sequence but colour. */
export function scriptFrontend(options: ScriptOptions): Frontend {
  const { style, write } = options;
  let total = 0;
  let index = 0;
  let progress = '';
  const tell = (heading: string, changes: readonly ChangeReport[]) => {
    if (changes.length === 0) return;
    write(`  ${heading}\n`);
    for (const { summary, disrupts } of changes)
      write(`    ${summary}${disrupts === undefined ? '' : ` ${disrupts}`}\n`);
  };
  return {
    interactive: false,
    ask({ id }): Promise<Reply> {
      throw new Error(
        `a scripted run was asked ${id}; this is a bug: all answers are resolved before it starts`,
      );
    },
    decide(proposal): Promise<Decision> {
      if (proposal.is === 'drift')
        return Promise.resolve({
          is: options.consent === 'none' || foundExit(proposal.report) === EXIT.proved ? 'stop' : 'apply',
        });
      if (proposal.is !== 'changes') return Promise.resolve({ is: 'stop' });
      if (options.consent === 'all') return Promise.resolve({ is: 'apply' });
      if (options.consent === 'none') return Promise.resolve({ is: 'decline' });
      const left = proposal.changes.filter((change) => !proposal.harmless.includes(change.id));
      if (left.length === 0) return Promise.resolve({ is: 'apply' });
      const asks = left.filter((change) => change.disrupts !== undefined || change.irreversible);
      const follows = left.filter((change) => !asks.includes(change));
      tell('Not done, because it needs your consent; say it with --yes, or run this on a terminal:', asks);
      tell('Not done, because it comes after what needs your consent:', follows);
      return Promise.resolve({ is: 'harmless' });
    },
    emit(event: Event) {
      switch (event.type) {
        case 'run-start':
          total = event.steps.length;
          break;
        case 'step-start':
          index = event.index;
          progress = '';
          break;
        case 'plan':
          if (options.consent !== 'none') write(`${changeHeading(event.changes.length)}\n`);
          // A repair of something that ran shows what it is about to do; a first install would drown in its own files.
          if (options.consent === 'harmless')
            for (const { summary, diff } of event.changes) {
              write(`    ${summary}\n`);
              for (const line of diff?.split('\n') ?? []) write(`      ${line}\n`);
            }
          break;
        case 'change-start':
          write(`  ${style.unicode ? '→' : '->'} ${event.summary}\n`);
          break;
        case 'progress':
          if (event.text !== progress && event.text.trim() !== '') write(`      ${event.text}\n`);
          progress = event.text;
          break;
        case 'change-failed':
          write(`  failed: ${event.error}\n`);
          break;
        case 'step-end':
          write(`${renderStep(printableStep(event.report), { index, total }, style)}\n`);
          break;
        case 'run-end':
          if (event.report.mode === 'plan') write(`\n${renderAnswers(event.report)}\n`);
          write(
            `${renderEnd(printableReport(event.report), style, event.report.mode === 'apply' ? options.keep(event.report) : [])}\n`,
          );
          break;
        default:
      }
    },
  };
}

const changeHeading = (n: number) => `  ${n} ${n === 1 ? 'change' : 'changes'}:`;
