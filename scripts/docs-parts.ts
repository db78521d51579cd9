/** What the README and the shipped files take from the registry; `scripts/docs.mjs` writes it, a test compares it. */
import { answersSchema, answersTable, exampleAnswers } from '../src/answers/schema.ts';
import { EXIT_MEANING } from '../src/core/errors.ts';
import { exampleWaivers, waiversSchema } from '../src/exceptions/schema.ts';
import { controlsTable } from '../src/report/controls.ts';
import { product, steps } from '../steps/index.ts';
import { capabilityTable } from '../steps/shared/capabilities.ts';
import { crossChecksDocument } from '../test/e2e/cross/document.ts';

const counts = () => {
  const all = steps.flatMap((s) => s.controls);
  const required = all.filter((c) => c.severity === 'required').length;
  return `${all.length} controls in ${steps.length} steps: ${required} required, ${all.length - required} advised.`;
};

export const parts: Readonly<Record<string, string>> = {
  'exit codes': [
    '| code | meaning |',
    '| --- | --- |',
    ...Object.entries(EXIT_MEANING).map(([c, m]) => `| ${c} | ${m} |`),
  ].join('\n'),
  'control count': counts(),
  controls: controlsTable(steps, product.sections),
  answers: answersTable(product.questions, product.envPrefix),
  capabilities: capabilityTable(),
};

export const files: Readonly<Record<string, string>> = {
  'templates/answers.example.yaml': exampleAnswers(
    product.questions,
    product.exampleHeading,
    'answers.schema.json',
  ),
  'docs/cross-checks.md': crossChecksDocument(),
  'templates/answers.schema.json': `${JSON.stringify(answersSchema(product.questions, `Answers of ${product.name}`), null, 2)}\n`,
  'templates/waivers.example.yaml': exampleWaivers('waivers.schema.json'),
  'templates/waivers.schema.json': `${JSON.stringify(
    waiversSchema(
      `Waivers of ${product.name}`,
      steps.flatMap((s) => s.controls),
    ),
    null,
    2,
  )}\n`,
};
