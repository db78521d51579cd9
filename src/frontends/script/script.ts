import type { Decision, Event, Frontend, Reply } from '../../core/frontend.ts';
import type { Report } from '../../core/report.ts';
import { renderAnswers, renderEnd, renderStep, type TextStyle } from '../../report/text.ts';

export interface ScriptOptions {
  /** `--yes`: the operator agreed beforehand to every change but the irreversible ones that are not of a first run. */
  readonly yes: boolean;
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
  return {
    interactive: false,
    ask({ id }): Promise<Reply> {
      throw new Error(
        `a scripted run was asked ${id}; this is a bug: all answers are resolved before it starts`,
      );
    },
    decide(proposal): Promise<Decision> {
      if (proposal.is !== 'changes') return Promise.resolve({ is: 'stop' });
      return Promise.resolve({ is: options.yes && proposal.changes.length > 0 ? 'apply' : 'decline' });
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
          if (options.yes) write(`${changeHeading(event.changes.length)}\n`);
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
          write(`${renderStep(event.report, { index, total }, style)}\n`);
          break;
        case 'run-end':
          if (event.report.mode === 'plan') write(`\n${renderAnswers(event.report)}\n`);
          write(
            `${renderEnd(event.report, style, event.report.mode === 'apply' ? options.keep(event.report) : [])}\n`,
          );
          break;
        default:
      }
    },
  };
}

const changeHeading = (n: number) => `  ${n} ${n === 1 ? 'change' : 'changes'}:`;
