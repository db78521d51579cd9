import { EXIT } from '../../core/errors.ts';
import type { Decision, Proposal } from '../../core/frontend.ts';
import type { AnswerReport, ChangeReport, Finding } from '../../core/report.ts';
import { foundExit } from '../../core/verdict.ts';
import { choose, numberOf } from './menu.ts';
import { capital, details, headline, plural, sentence } from './speech.ts';
import type { Terminal } from './terminal.ts';

type Of<Is extends Proposal['is']> = Extract<Proposal, { is: Is }>;
interface Talk {
  readonly terminal: Terminal;
  /** What is settled now, for changing one of it. */
  readonly answers: readonly AnswerReport[];
  /** Something runs already that a change can interrupt. */
  readonly isInstalled: boolean;
}

export function decide(talk: Talk, proposal: Proposal): Promise<Decision> {
  const { terminal } = talk;
  return terminal.converse<Decision>(
    () => {
      terminal.gap();
      switch (proposal.is) {
        case 'changes':
          return onChanges(talk, proposal);
        case 'failure':
          return onFailure(talk, proposal);
        default:
          return onDrift(talk, proposal);
      }
    },
    { is: 'stop' },
  );
}

export function sayFinding(terminal: Terminal, finding: Finding, indent = 0): void {
  terminal.say(headline(finding), indent);
  for (const line of details(finding)) terminal.say(line, indent + 2);
}

async function onChanges(talk: Talk, { step, changes, findings }: Of<'changes'>): Promise<Decision> {
  const { terminal, isInstalled } = talk;
  terminal.say(`${plural(changes.length, 'change')} for ${step.title}, nothing of it has been done yet:`);
  for (const [at, change] of changes.entries()) {
    terminal.say(sentence(`${at + 1}. ${capital(change.summary)}`), 2);
    if (change.disrupts && isInstalled) terminal.say(sentence(change.disrupts), 5);
    if (change.irreversible) terminal.say('This one cannot be undone.', 5);
  }
  // What no change of the plan can repair does not wait for it.
  const waiting = findings.filter((f) => f.severity === 'required' && !f.manual).length;
  if (waiting > 0)
    terminal.say(`${waiting === 1 ? 'One control does' : `${waiting} controls do`} not hold without it.`);
  for (;;) {
    terminal.gap();
    const picked = await choose(terminal, [
      ['apply', 'Apply'],
      ['diff', 'Show the full diff'],
      ['change', 'Change an answer'],
      ['save', 'Save the answers and quit'],
      ['stop', 'Stop'],
    ] as const);
    if (picked === 'save' || picked === 'stop') return { is: picked };
    if (picked === 'apply' && (await agreesToEach(talk, changes))) return { is: 'apply' };
    if (picked === 'diff') showDiff(terminal, changes);
    if (picked === 'change') {
      const question = await pickAnswer(talk);
      if (question !== undefined) return { is: 'change', question };
    }
  }
}

function showDiff(terminal: Terminal, changes: readonly ChangeReport[]): void {
  for (const [at, { summary, diff }] of changes.entries()) {
    terminal.say(sentence(`Change ${at + 1}: ${summary}`));
    if (diff) terminal.show([diff], 2);
    else terminal.say('It has no content to show.', 2);
  }
}

/** What cannot be undone is agreed to by its name, one by one: a habit of pressing 1 is no consent. */
async function agreesToEach({ terminal }: Talk, changes: readonly ChangeReport[]): Promise<boolean> {
  for (const { id, summary } of changes.filter((change) => change.irreversible)) {
    terminal.say(sentence(`This cannot be undone: ${summary}`));
    terminal.say(`Type ${id} to agree, or press Enter to go back.`);
    if ((await terminal.read('Agreed:')) === id) continue;
    terminal.say('Not agreed; nothing has been done.');
    return false;
  }
  return true;
}

/** @returns undefined for none */
async function pickAnswer({ terminal, answers }: Talk): Promise<string | undefined> {
  if (answers.length === 0) {
    terminal.say('There is no answer to change.');
    return undefined;
  }
  for (const [at, { question, value, source }] of answers.entries()) {
    const text =
      value === '[secret]' ? 'a secret, not shown' : value === '' || value === '(none)' ? 'none' : value;
    terminal.say(`${at + 1}. ${question}: ${text} (${source === 'prompt' ? 'you' : source})`, 2);
  }
  for (;;) {
    terminal.say('Type the number of the answer to change, or press Enter to go back.');
    const typed = await terminal.read('Answer to change:');
    if (typed === '') return undefined;
    const picked = answers[numberOf(typed, answers.length) - 1] ?? answers.find((a) => a.question === typed);
    if (picked) return picked.question;
  }
}

async function onFailure(talk: Talk, proposal: Of<'failure'>): Promise<Decision> {
  const { terminal } = talk;
  const { step, reason, fix, findings, done, log, waivable } = proposal;
  terminal.say(sentence(`${step.title} cannot go on: ${reason}`));
  for (const finding of findings) sayFinding(terminal, finding);
  if (fix !== undefined) terminal.say(sentence(`Fix: ${fix}`));
  if (done.length > 0) {
    terminal.say('Done so far by this run, and left in place:');
    for (const text of done) terminal.say(sentence(capital(text)), 2);
  } else terminal.say('This run has changed nothing so far.');
  const items: (readonly ['retry' | 'waive' | 'log' | 'change' | 'stop', string])[] = [
    ['retry', 'Look again'],
  ];
  if (waivable.length > 0) items.push(['waive', 'Waive a control by name, with a reason']);
  else if (findings.length > 0) terminal.say('None of it may be waived: data could be lost.');
  if (log && log.length > 0) items.push(['log', 'Show the last log lines']);
  items.push(['change', 'Change an answer'], ['stop', 'Stop here']);
  for (;;) {
    terminal.gap();
    const picked = await choose(terminal, items);
    if (picked === 'retry' || picked === 'stop') return { is: picked };
    if (picked === 'log') terminal.show(log ?? [], 2);
    if (picked === 'waive') {
      const waived = await waive(talk, proposal);
      if (waived) return waived;
    }
    if (picked === 'change') {
      const question = await pickAnswer(talk);
      if (question !== undefined) return { is: 'change', question };
    }
  }
}

/** @returns undefined when nothing is waived after all */
async function waive(
  { terminal }: Talk,
  { findings, waivable }: Of<'failure'>,
): Promise<Decision | undefined> {
  for (const [at, id] of waivable.entries()) {
    const title = findings.find((f) => f.control === id)?.title ?? '';
    terminal.say(sentence(`${at + 1}. ${id}: ${title}`), 2);
  }
  terminal.say('Type the numbers or names to waive, separated with commas, or press Enter to go back.');
  const controls: string[] = [];
  while (controls.length === 0) {
    const typed = await terminal.read('Controls to waive:');
    if (typed === '') return undefined;
    const parts = typed.split(',').map((part) => part.trim());
    const named = parts.filter(Boolean).map((part) => waivable[numberOf(part, waivable.length) - 1] ?? part);
    const unknown = named.filter((id) => !waivable.includes(id));
    if (unknown.length > 0) terminal.say(sentence(`Not in the list: ${unknown.join(', ')}`));
    else controls.push(...new Set(named));
  }
  terminal.say(
    'The reason is kept in the journal and shown in every report of this run. Type back to waive nothing.',
  );
  for (;;) {
    const reason = await terminal.read('Reason:');
    if (reason.toLowerCase() === 'back') return undefined;
    if (reason !== '') return { is: 'waive', controls, reason };
    terminal.say('A waiver needs a reason.');
  }
}

/** What was found is told already, the verdict last. Where everything holds there is nothing to repair. */
async function onDrift({ terminal }: Talk, { report }: Of<'drift'>): Promise<Decision> {
  const findings = report.steps.flatMap((step) => step.findings);
  for (;;) {
    const picked = await choose(terminal, [
      ...(foundExit(report) === EXIT.proved
        ? []
        : [['apply', 'Repair this; each change is shown before it is made'] as const]),
      ['all', 'Show every control'],
      ['stop', 'Quit'],
    ] as const);
    if (picked !== 'all') return { is: picked };
    for (const finding of findings) sayFinding(terminal, finding);
    terminal.gap();
  }
}
