import type { Event } from '../../core/frontend.ts';
import { count, type Finding, type Mode, type Report, type StepReport } from '../../core/report.ts';
import { attention, needsAttention } from '../../report/state.ts';
import type { PersonOptions } from '../person.ts';
import { sayFinding } from './decide.ts';
import { Heartbeat } from './heartbeat.ts';
import { capital, doesNotHold, headline, plural, sentence, wordOf } from './speech.ts';
import type { Terminal } from './terminal.ts';

/** Milliseconds between two lines of progress of one change: a pull writes hundreds. */
const PROGRESS_EVERY = 5000;
/** Milliseconds from which a person waited, so that the time is worth a word. */
const WAITED = 1000;

type On<Type extends Event['type']> = Extract<Event, { type: Type }>;

/** Tells a run in sentences, in the order in which things happen. */
export class Narrator {
  readonly #terminal: Terminal;
  readonly #options: PersonOptions;
  readonly #heartbeat: Heartbeat;
  #mode: Mode = 'apply';
  #title = '';
  #expected: readonly string[] = [];
  readonly #found = new Map<string, Finding>();
  /** The word of each control of this step when it was looked at last. */
  readonly #before = new Map<string, string>();
  /** Control and word of what was said in full in this step. */
  readonly #told = new Set<string>();
  /** The same of a look before this run; undefined when there was none. */
  #toldByLook: ReadonlySet<string> | undefined;
  #changes = { at: 0, of: 0, began: 0, progress: '', progressAt: Number.NEGATIVE_INFINITY };

  constructor(terminal: Terminal, options: PersonOptions) {
    this.#terminal = terminal;
    this.#options = options;
    this.#heartbeat = new Heartbeat((text) => terminal.say(sentence(text)));
  }

  /** Nothing is being waited for but the operator. */
  pause(): void {
    this.#heartbeat.stop();
  }

  tell(event: Event): void {
    switch (event.type) {
      case 'run-start':
        this.#start(event);
        break;
      case 'step-start':
        this.#step(event);
        break;
      case 'looking':
        this.#looking(event.controls.map(({ id }) => id));
        break;
      case 'finding':
        this.#found.set(event.finding.control, event.finding);
        if (this.#found.size === this.#expected.length) this.#looked(event.phase);
        break;
      case 'plan':
        this.#plan(event);
        break;
      case 'change-start':
        this.#change(event.summary);
        break;
      case 'progress':
        this.#progress(event.text);
        break;
      case 'change-done':
        this.#done();
        break;
      case 'change-failed':
        this.#heartbeat.stop();
        this.#terminal.say(sentence(`Failed: ${event.error}`));
        break;
      case 'step-end':
        this.#ended(event.report);
        break;
      case 'run-end':
        this.#end(event.report);
        break;
      default:
    }
  }

  #start({ mode, dir, steps }: On<'run-start'>): void {
    const { name, version } = this.#options.product;
    const { say } = this.#terminal;
    this.#mode = mode;
    // A repair after a look is one sitting.
    if (this.#toldByLook) this.#terminal.gap();
    else say(`${name} ${version}. ${plural(steps.length, 'step')}, install directory ${dir}.`);
    if (mode === 'apply' || mode === 'files') {
      say('Nothing is changed before you have seen it and agreed to it.');
      say('At a question type ? to hear why it is asked, or back, save or quit.');
      say('Ctrl+C stops the run.');
    }
  }

  #step({ title, why, index, total }: On<'step-start'>): void {
    this.#title = title;
    this.#before.clear();
    this.#told.clear();
    this.#terminal.gap();
    this.#terminal.say(`Step ${index + 1} of ${total}, ${title}.`);
    if (this.#mode !== 'verify') this.#terminal.say(why);
  }

  #looking(controls: readonly string[]): void {
    this.#expected = controls;
    this.#found.clear();
    if (controls.length > 0)
      this.#heartbeat.start(`${this.#title}, looking at ${plural(controls.length, 'control')}`);
  }

  #plan({ changes }: On<'plan'>): void {
    this.#changes = { ...this.#changes, at: 0, of: changes.length };
    // A review lists them otherwise.
    if (this.#mode !== 'plan') return;
    this.#terminal.say(`${plural(changes.length, 'change')} to make:`);
    for (const { summary } of changes) this.#terminal.say(sentence(capital(summary)), 2);
  }

  /** A look is complete: a count, and after changes what changed; all of it with `--verbose`. */
  #looked(phase: 'before' | 'after'): void {
    this.#heartbeat.stop();
    const findings = this.#expected.flatMap((id) => this.#found.get(id) ?? []);
    // An existing install opens with its verdict: what does not hold is said then, and every control on demand.
    if (this.#mode === 'verify' && !this.#options.style.verbose) {
      this.#count(findings, 'after');
      return;
    }
    if (this.#mode === 'verify') {
      this.#sayAll(findings);
      return;
    }
    if (phase === 'after')
      this.#sayAll(
        findings.filter((f) => this.#before.get(f.control) !== wordOf(f) || doesNotHold(f)),
        'after',
      );
    for (const f of findings) this.#before.set(f.control, wordOf(f));
    this.#count(findings, phase);
  }

  #count(findings: readonly Finding[], phase: 'before' | 'after'): void {
    const judged = findings.filter((f) => f.waived || f.verdict.is === 'pass' || doesNotHold(f));
    if (judged.length === 0) return;
    const held = judged.filter((f) => f.verdict.is === 'pass').length;
    const all = judged.length;
    const yet = phase === 'before';
    let text = `${held} of ${all} controls ${held === 1 ? 'holds' : 'hold'}${yet ? ' already' : ''}.`;
    if (held === 0) text = `None of its ${plural(all, 'control')} holds${yet ? ' yet' : ''}.`;
    if (held === all) text = all === 2 ? 'Both controls hold.' : `All ${all} controls hold.`;
    if (all === 1)
      text = held === 1 ? 'Its one control holds.' : `Its one control does not hold${yet ? ' yet' : ''}.`;
    this.#terminal.say(text);
  }

  #sayAll(findings: readonly Finding[], phase?: 'after'): void {
    for (const finding of findings) {
      this.#told.add(`${finding.control} ${wordOf(finding)}`);
      // A required control that still fails after the changes is put to the operator next, with all details.
      const isPutNext = phase === 'after' && finding.severity === 'required' && doesNotHold(finding);
      if (!isPutNext && (needsAttention(finding) || this.#options.style.verbose))
        sayFinding(this.#terminal, finding);
      else this.#terminal.say(headline(finding));
    }
  }

  #change(summary: string): void {
    const { at, of } = this.#changes;
    this.#changes = {
      at: at + 1,
      of,
      began: performance.now(),
      progress: '',
      progressAt: Number.NEGATIVE_INFINITY,
    };
    this.#terminal.say(sentence(`Change ${at + 1} of ${of}: ${summary}`));
    this.#heartbeat.start(summary);
  }

  #progress(text: string): void {
    const now = performance.now();
    const { progress, progressAt } = this.#changes;
    if (text.trim() === '' || text === progress || now - progressAt < PROGRESS_EVERY) return;
    this.#changes = { ...this.#changes, progress: text, progressAt: now };
    // What a tool wrote, as it wrote it.
    this.#terminal.say(text.trim(), 2);
  }

  #done(): void {
    const took = performance.now() - this.#changes.began;
    this.#terminal.say(took < WAITED ? 'Done.' : `Done after ${Math.round(took / 1000)} s.`);
    // What comes next may take its time as well: the engine looks again.
    this.#heartbeat.start(this.#title);
  }

  /** What nobody was told yet and somebody has to know: what is open, waived or advised. */
  #ended({ findings, outcome, changes }: StepReport): void {
    this.#heartbeat.stop();
    if (outcome === 'planned' || outcome === 'declined') return;
    const isNews = (f: Finding) =>
      needsAttention(f) &&
      !this.#told.has(`${f.control} ${wordOf(f)}`) &&
      !(f.severity === 'advised' && this.#toldByLook?.has(`${f.control} ${wordOf(f)}`)) &&
      // Without an engine nothing that runs can be seen; one sentence at the end says so.
      !(this.#mode === 'files' && doesNotHold(f));
    // What stopped a step was put to the operator in full; a look tells what it found at its end, next to the choice.
    if (outcome === 'stopped' || this.#mode === 'verify') return;
    this.#sayAll(findings.filter(isNews));
    for (const { summary, status } of changes)
      if (status === 'not-reached') this.#terminal.say(sentence(`Not done: ${summary}`));
    if (outcome === 'held' && changes.length === 0) this.#terminal.say('Nothing to do.');
  }

  #end(report: Report): void {
    this.#heartbeat.stop();
    const { say, gap } = this.#terminal;
    gap();
    if (report.mode === 'verify' && !this.#options.style.verbose) this.#tellFindings(report);
    say(report.verdict);
    if (report.stopped) this.#stopped(report);
    if (report.mode !== 'plan') {
      say(countSentence(report, 'required'));
      say(countSentence(report, 'advised'));
    }
    if (report.mode !== 'apply' || report.stopped) return;
    const keep = this.#options.keep(report);
    if (keep.length > 0) {
      gap();
      say('Keep these.');
      // To be copied as they are: no stop at the end of a command.
      for (const [label, text] of keep) say(`${capital(label)}: ${text}`);
    }
    say(sentence(`The report is in ${this.#options.reportFile}`));
  }

  /** What a look found, what matters most last: that is next to the verdict and the choice. */
  #tellFindings(report: Report): void {
    const found = attention(report).toReversed();
    for (const finding of found) sayFinding(this.#terminal, finding);
    this.#toldByLook = new Set(found.map((f) => `${f.control} ${wordOf(f)}`));
    if (found.length > 0) this.#terminal.gap();
  }

  #stopped(report: Report): void {
    const { say, show } = this.#terminal;
    const { stopped } = report;
    if (!stopped) return;
    const title = report.steps.find((step) => step.id === stopped.step)?.title ?? stopped.step;
    say(sentence(`The run stopped at ${title}: ${stopped.reason}`));
    if (stopped.fix) say(sentence(`Fix: ${stopped.fix}`));
    if (stopped.log && stopped.log.length > 0) {
      say('The last log lines:');
      show(stopped.log, 2);
    }
    const changes = report.steps.flatMap((step) => step.changes);
    const list = (heading: string, texts: readonly string[]) => {
      if (texts.length > 0) say(heading);
      for (const text of texts) say(sentence(capital(text)), 2);
    };
    list(
      'Done before that and left in place:',
      changes.filter((c) => c.status === 'done').map((c) => c.summary),
    );
    list(
      'Not done:',
      changes.filter((c) => c.status !== 'done' && c.status !== 'planned').map((c) => c.summary),
    );
    list(
      'Not looked at:',
      report.steps.filter((s) => s.outcome === 'not-reached').map((s) => s.title),
    );
  }
}

function countSentence(report: Report, severity: 'required' | 'advised'): string {
  const c = count(report, severity);
  const extra = [
    [c.open, 'open'],
    [c.waived, 'waived'],
    [c.skipped, c.skipped === 1 ? 'does not apply' : 'do not apply'],
  ] as const;
  const more = extra.filter(([n]) => n > 0).map(([n, word]) => `, ${n} ${word}`);
  return `${capital(severity)}: ${c.proved} proved, ${c.failing} failing, ${c.notSeen} not seen${more.join('')}.`;
}
