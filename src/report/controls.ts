import type { AnyStep, Control } from '../core/step.ts';

/** A step as it is listed: what is known of its controls without looking. */
export interface ListedStep {
  readonly id: string;
  readonly title: string;
  readonly controls: readonly Omit<Control, 'inspect'>[];
}

/** Every control with its step, severity and guide section, one per line, for the terminal. */
export function renderControls(
  steps: readonly ListedStep[],
  sections: Readonly<Record<string, string>>,
): string {
  const width = Math.max(0, ...steps.flatMap((s) => s.controls.map((c) => c.id.length)));
  return steps
    .map((step) => {
      const rows = step.controls.map(
        (c) =>
          `  ${c.id.padEnd(width)}  ${c.severity.padEnd(8)}  ${c.title}\n  ${' '.repeat(width)}            guide: ${sections[c.section] ?? c.section}${c.refs?.length ? `; ${c.refs.join('; ')}` : ''}`,
      );
      return `${step.title} (${step.id})\n${rows.join('\n')}\n`;
    })
    .join('\n');
}

/**
 * Every control with all that is known of it without looking, as JSON that ends with a line break. `schema` counts up
 * when a field changes its meaning or goes. Control ids are stable forever.
 */
export function renderControlsJson(
  steps: readonly ListedStep[],
  sections: Readonly<Record<string, string>>,
): string {
  const controls = steps.flatMap((step) =>
    step.controls.map((c) => ({
      id: c.id,
      title: c.title,
      severity: c.severity,
      section: c.section,
      step: step.id,
      refs: c.refs ?? [],
      manual: c.manual ?? false,
      unwaivable: c.unwaivable ?? false,
      how: c.how,
      threat: c.threat,
      remedy: c.remedy,
      impact: c.impact,
    })),
  );
  return `${JSON.stringify({ schema: 1, sections, controls }, null, 2)}\n`;
}

/** The README's control table, one row per control. */
export function controlsTable(steps: readonly AnyStep[], sections: Readonly<Record<string, string>>): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = steps.flatMap((step) =>
    step.controls.map(
      (c) => `| \`${c.id}\` | ${cell(c.title)} | ${c.severity} | ${cell(sections[c.section] ?? c.section)} |`,
    ),
  );
  return ['| control | statement | severity | guide section |', '| --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}
