/** One control in full: what it claims, how that is seen, what it protects from, and what to do when it does not hold. */
import { closest } from './answers/names.ts';
import { type Problem, UsageError } from './core/errors.ts';
import type { Product } from './core/product.ts';
import type { ChangeReport, Finding } from './core/report.ts';
import type { AnyStep, Control } from './core/step.ts';
import { type Described, waiversStep } from './exceptions/controls.ts';
import type { ListedStep } from './report/controls.ts';
import { seen, VERDICT_WORDS, wrap } from './report/text.ts';

type Explained = Pick<Product, 'steps' | 'sections'>;

/** What was seen of the control on a host. */
export interface SeenHere {
  readonly finding: Finding;
  /** Absolute; the install that was looked at. */
  readonly dir: string;
  /** What apply would do about it, from a run of `plan`. */
  readonly changes?: readonly Pick<ChangeReport, 'summary'>[];
}

/** One problem for each id that is no control, with the closest one. */
export function explainProblems(ids: readonly string[], product: Explained): Problem[] {
  const known = listed(product).flatMap((step) => step.controls.map((c) => c.id));
  return ids
    .filter((id) => !known.includes(id))
    .map((id) => {
      const near = closest(id, known);
      return {
        where: `explain ${id}`,
        seen: 'no control of this name',
        expected: 'the id of a control',
        fix: near === undefined ? 'see the command controls' : `did you mean ${near}`,
      };
    });
}

/**
 * The explanation of a control as plain text, ending with a line break: statement, severity and section, how it is
 * looked at, threat, remedy, impact, who repairs it, whether and how it is waived, references; and, where a host was
 * looked at, what was seen there.
 * @param width columns; lines are wrapped at 80 at most
 * @throws {UsageError} when there is no such control
 */
export function explainControl(id: string, product: Explained, here?: SeenHere, width = 80): string {
  const step = listed(product).find((s) => s.controls.some((c) => c.id === id));
  const control = step?.controls.find((c) => c.id === id);
  if (!step || !control) throw new UsageError(explainProblems([id], product));
  const columns = Math.max(40, Math.min(width, 80));
  const row = rows(columns);
  const section = product.sections[control.section] ?? control.section;
  const lines = [
    ...wrap(`${control.title}.`, columns),
    `${control.id}, ${control.severity}, in the step ${step.id}`,
    '',
    ...row('seen by', control.how),
    ...row('threat', control.threat),
    ...row('fix', control.remedy),
    ...row('impact', control.impact),
    ...row('repair', whoRepairs(control, step)),
    ...row('waiver', howWaived(control)),
    ...row('guide', section),
    ...(control.refs?.length ? row('see', control.refs.join('; ')) : []),
  ];
  if (here) lines.push('', ...renderHere(here, row));
  return `${lines.join('\n')}\n`;
}

type Explainable = ListedStep & Pick<AnyStep, 'plan'>;
const listed = (product: Explained): readonly Explainable[] => [...product.steps, waiversStep];

const rows = (columns: number) => (label: string, text: string) => {
  const [first = '', ...rest] = wrap(text, columns - 11);
  return [`  ${label.padEnd(8)} ${first}`, ...rest.map((line) => `${' '.repeat(11)}${line}`)];
};

/** The engine's own rule: a required control that no person must repair has a change that repairs it. */
function whoRepairs(control: Described, step: Explainable): string {
  if (control.manual) return 'A person: apply cannot repair this.';
  if (step.plan === undefined) return `A person: the step ${step.id} only looks.`;
  return control.severity === 'required'
    ? `Apply: the step ${step.id} shows the change first.`
    : `Apply where the step ${step.id} can, as the fix says; otherwise a person. It never holds a run up.`;
}

function howWaived(control: Pick<Control, 'id' | 'unwaivable'>): string {
  if (waiversStep.controls.some((c) => c.id === control.id))
    return 'None: it is about the waivers themselves. Correct the file.';
  return control.unwaivable
    ? 'None: waiving this could lose data.'
    : `For one run: --skip ${control.id}. For longer: an entry in the file of waivers with control, reason, owner, compensating and expires.`;
}

function renderHere({ finding, dir, changes }: SeenHere, row: ReturnType<typeof rows>): string[] {
  const verdict = finding.waived ?? finding.verdict;
  const { exception, drift } = finding;
  return [
    `Now, in ${dir}: ${VERDICT_WORDS[verdict.is]}${finding.waived ? ', and waived' : ''}.`,
    '',
    ...row(verdict.is === 'fail' || verdict.is === 'pass' ? 'seen' : 'why', seen(verdict)),
    ...(verdict.is === 'fail' ? row('expected', verdict.expected) : []),
    ...(verdict.is === 'fail' && verdict.cause ? row('cause', verdict.cause) : []),
    ...(exception
      ? [
          ...row('waived', `by ${exception.owner} until ${exception.expires} (UTC), ${exception.where}`),
          ...row('reason', exception.reason),
          ...row('instead', exception.compensating),
        ]
      : finding.waived
        ? row('waiver', seen(finding.verdict))
        : []),
    ...(drift ? row('drift', `${drift.link.replaceAll('-', ' ')}: ${drift.detail}`) : []),
    ...(drift?.diff ? drift.diff.split('\n').map((line) => `           ${line}`) : []),
    ...(changes ?? []).flatMap((change) => row('apply', change.summary)),
  ];
}
