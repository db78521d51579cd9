/** What every step and control must keep, whatever it is about. */
import { describe, expect, it } from 'vitest';
import { parseAnswersFile } from '../src/answers/file.ts';
import { resolveAll } from '../src/core/answers.ts';
import { run } from '../src/core/engine.ts';
import { product, steps } from '../steps/index.ts';
import { questions, sections } from '../steps/questions.ts';
import { blindHost } from './fakes/blind-host.ts';

const controls = steps.flatMap((s) => s.controls.map((c) => ({ step: s.id, ...c })));
const ANSWERS =
  'image: corecube/corecube:v2\ndomain: corecube.test\ntls: internal\nadminRanges: [10.0.0.0/8]\nadminEmail: a@corecube.test\nrelease: v2\n';
const { known } = parseAnswersFile(ANSWERS, 'answers', questions);

describe('laws', () => {
  it('control ids are unique and name area and property', () => {
    expect(new Set(controls.map((c) => c.id)).size).toBe(controls.length);
    for (const { id } of controls) expect(id).toMatch(/^[a-z0-9-]+\.[a-z0-9-]+$/);
  });

  it('titles are statements; threats, remedies and what a remedy costs are there, in plain words', () => {
    for (const { id, title, threat, remedy, impact } of controls) {
      expect(title, id).toMatch(/^\S.{8,120}[^.!?]$/);
      for (const text of [title, threat, remedy, impact])
        expect(text, id).not.toMatch(/!|\p{Extended_Pictographic}/u);
      expect(Math.min(threat.length, remedy.length), id).toBeGreaterThan(10);
      expect(impact, id).toMatch(/^[A-Z].{3,}\.$/);
    }
  });

  it('says of every control how it is looked at, in one sentence that is not its title', () => {
    const sentence = (text: string) =>
      text
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, ' ')
        .trim();
    for (const { id, title, how } of controls) {
      // Present tense, the tool as its subject: "Reads", "Logs in", "Tries".
      expect(how, id).toMatch(/^[A-Z][a-z]+(es|s) \S.{20,200}\.$/);
      expect(how, id).not.toMatch(/[.!?] [A-Z]|!|\p{Extended_Pictographic}|undefined/u);
      expect(sentence(how), id).not.toBe(sentence(title));
    }
    // Only what a person reads in two places may sound alike: one look at two amounts, or at services of two steps.
    const repeated = controls.filter(({ how }) => controls.filter((c) => c.how === how).length > 1);
    expect(repeated.filter(({ id }) => !id.startsWith('running.')).map((c) => c.id)).toEqual([]);
  });

  it('every section of the guide has a control, and every control a section', () => {
    const used = new Set(controls.map((c) => c.section));
    expect(Object.keys(sections).filter((s) => !used.has(s))).toEqual([]);
    expect([...used].filter((s) => !(s in sections))).toEqual([]);
  });

  it('every question is needed by a step, and every need is a question', () => {
    const needed = new Set(steps.flatMap((s) => s.needs));
    expect([...needed].filter((id) => !(id in questions))).toEqual([]);
    expect(Object.keys(questions).filter((id) => !needed.has(id))).toEqual([]);
  });

  it('a host on which nothing can be seen gives no single pass that needs the host, and nothing is written', async () => {
    const host = blindHost();
    const report = await run({
      mode: 'verify',
      steps,
      questions: product.questions,
      known,
      host,
      frontend: {
        interactive: false,
        ask: async () => ({ is: 'cancel' }),
        decide: async () => ({ is: 'apply' }),
        emit: () => {},
      },
      skip: new Set(),
      signal: new AbortController().signal,
      tool: { name: 't', version: '0' },
      dir: '/nowhere',
    });
    const passed = report.steps.flatMap((s) => s.findings).filter((f) => f.verdict.is === 'pass');
    // Decided by the answers alone: no file is named in them, and the release is given.
    const fromAnswers = ['answers.files-readable', 'answers.files-private', 'release.known'];
    expect(passed.map((f) => f.control).filter((id) => !fromAnswers.includes(id))).toEqual([]);
    expect([report.exit === 0, host.writes]).toEqual([false, []]);
  });

  it('planning never writes, and says why it cannot where it cannot', async () => {
    for (const step of steps) {
      const host = blindHost();
      const { answers } = resolveAll(questions, step.needs, known);
      const values = Object.fromEntries(step.needs.map((id) => [id, answers.get(id)?.value]));
      const failing = new Set(step.controls.map((c) => c.id));
      const signal = new AbortController().signal;
      await step
        .plan?.({ host: host.snapshot(signal), answers: values, signal, failing })
        .catch((error) => expect(error, step.id).toBeInstanceOf(Error));
      expect([step.id, host.writes]).toEqual([step.id, []]);
    }
  });
});
