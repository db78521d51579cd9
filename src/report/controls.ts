import type { AnyStep } from '../core/step.ts';

/** Every control with its step, severity and guide section, one per line, for the terminal. */
export function renderControls(
  steps: readonly AnyStep[],
  sections: Readonly<Record<string, string>>,
): string {
  const width = Math.max(...steps.flatMap((s) => s.controls.map((c) => c.id.length)));
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
