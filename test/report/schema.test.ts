/** The published schema says what the type says: neither can change without the other. */
import { describe, expect, it } from 'vitest';
import { render } from '../../src/report/formats.ts';
import { reportSchema } from '../../src/report/schema.ts';
import { bare, blindReport, context, full, fullFinding, values, verdicts } from './fixture.ts';
import { reportProblems } from './validators.ts';

type Node = { [key: string]: unknown };
const schema = JSON.parse(reportSchema()) as { $defs: Record<string, Node> };
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;
const copy = <T>(value: T): T => structuredClone(value);

/** Every object and array inside a value, by its path. */
function* nodes(
  value: unknown,
  path: readonly (string | number)[] = [],
): Generator<[readonly (string | number)[], Node]> {
  if (!isNode(value)) return;
  yield [path, value];
  for (const [key, inner] of Object.entries(value)) yield* nodes(inner, [...path, key]);
}
/** The value with the node at `path` changed. */
function changed(value: unknown, path: readonly (string | number)[], change: (node: Node) => void): unknown {
  const all = copy(value);
  change(path.reduce((node, key) => (node as Node)[key] as Node, all as Node));
  return all;
}

describe('the schema of the report', () => {
  it('takes a report with everything, one with nothing, one of the engine, and several', async () => {
    for (const report of [full, bare, await blindReport()]) expect(reportProblems(report)).toEqual([]);
    for (const verdict of Object.values(verdicts))
      expect(
        reportProblems({
          ...full,
          steps: [{ ...full.steps[0], findings: [{ ...fullFinding, waived: verdict }] }],
        }),
      ).toEqual([]);
    const one = JSON.parse(await render('json', [full], context));
    const several = JSON.parse(await render('json', [full, bare], context));
    expect(one).toEqual(full);
    expect(several).toEqual([full, bare]);
    expect(reportProblems(several)).toEqual([]);
    expect(reportProblems([full])).not.toEqual([]);
  });

  it('refuses a property it does not know, wherever it stands', () => {
    let tried = 0;
    for (const [path, node] of nodes(full)) {
      if (Array.isArray(node)) continue;
      tried += 1;
      const odd = changed(full, path, (n) => Object.assign(n, { unheardOf: 1 }));
      expect(reportProblems(odd), path.join('.')).not.toEqual([]);
    }
    expect(tried).toBeGreaterThan(30);
  });

  it('refuses every value of another type, and every enumerated value it does not know', () => {
    let tried = 0;
    for (const [path, node] of nodes(full))
      for (const [key, value] of Object.entries(node)) {
        tried += 1;
        const other = typeof value === 'string' ? 7 : 'unheard of';
        const odd = changed(full, path, (n) => Object.assign(n, { [key]: other }));
        expect(reportProblems(odd), [...path, key].join('.')).not.toEqual([]);
      }
    expect(tried).toBeGreaterThan(200);
  });

  it('needs every property that the type needs, and no other', () => {
    for (const [path, node] of nodes(bare)) {
      if (Array.isArray(node)) continue;
      for (const key of Object.keys(node)) {
        const odd = changed(bare, path, (n) => delete n[key]);
        expect(reportProblems(odd), [...path, key].join('.')).not.toEqual([]);
      }
    }
  });

  it('knows no property that a report cannot have', () => {
    const known = new Set<string>();
    for (const [, node] of nodes([full, verdicts]))
      if (!Array.isArray(node)) for (const key of Object.keys(node)) known.add(key);
    const described = [...nodes(schema.$defs)].flatMap(([path, node]) =>
      path.at(-1) === 'properties' ? Object.keys(node) : [],
    );
    expect(described.length).toBeGreaterThan(60);
    expect(described.filter((key) => !known.has(key))).toEqual([]);
  });

  it('lists exactly the values that the type lists', () => {
    const enums = Object.fromEntries(
      [...nodes(schema.$defs)].flatMap(([path, node]) =>
        Array.isArray(node.enum) ? [[String(path.at(-1)), (node.enum as unknown[]).map(String).sort()]] : [],
      ),
    );
    expect(enums).toEqual(
      Object.fromEntries(Object.entries(values).map(([name, all]) => [name, Object.keys(all).sort()])),
    );
  });

  it('describes every property', () => {
    const bareOnes = [...nodes(schema.$defs)]
      .filter(([path]) => path.at(-2) === 'properties')
      .filter(([, node]) => typeof node.description !== 'string' && !('$ref' in node) && !('const' in node));
    expect(bareOnes.map(([path]) => path.join('.'))).toEqual([]);
  });
});
