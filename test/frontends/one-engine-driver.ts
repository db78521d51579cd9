/**
 * A toy deployment on a real directory behind the front end that is named: `driver FRONTEND DIR TRACE`. Every event of
 * the engine goes to the trace file, times left out, so that runs through different front ends can be compared.
 */
import { existsSync, watch, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { KnownAnswer } from '../../src/core/answers.ts';
import { run } from '../../src/core/engine.ts';
import { AnswerError } from '../../src/core/errors.ts';
import { question } from '../../src/core/question.ts';
import { type AnyStep, fail, pass } from '../../src/core/step.ts';
import { lineFrontend } from '../../src/frontends/line/index.ts';
import type { PersonFrontend, PersonOptions } from '../../src/frontends/person.ts';
import { scriptFrontend } from '../../src/frontends/script/script.ts';
import { tuiFrontend } from '../../src/frontends/tui/index.tsx';
import { createHostSource } from '../../src/host/index.ts';

const [kind = '', dir = '', traceFile = ''] = process.argv.slice(2);
const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => controller.abort());

const name = question({
  title: 'What is the toy called?',
  help: 'The name stands in its file.',
  section: 'operation',
  kind: 'text',
  example: 'toy',
  parse: (raw) => {
    if (typeof raw !== 'string' || !/^[a-z]+$/.test(raw))
      throw new AnswerError(JSON.stringify(raw), 'lower-case letters', 'leave out everything else');
    return raw;
  },
});

/** Waits until somebody makes the file: a change that takes as long as a test needs. */
const appears = (path: string) =>
  new Promise<void>((resolve) => {
    const watcher = watch(dirname(path), () => {
      if (!existsSync(path)) return;
      watcher.close();
      resolve();
    });
    if (existsSync(path)) {
      watcher.close();
      resolve();
    }
  });

/** A step that wants one file with one text. */
const fileStep = (id: string, waits: boolean): AnyStep => ({
  id,
  title: `The ${id} file`,
  why: 'What the toy reads must be there.',
  needs: ['name'],
  controls: [
    {
      id: `${id}.there`,
      title: `the ${id} file says what it shall`,
      severity: 'required',
      section: 'operation',
      how: 'Looks at the toy.',
      threat: 'The toy is nameless.',
      remedy: 'Write the file.',
      impact: 'None.',
      inspect: async ({ host, answers }) => {
        const text = await host.readText(`${id}.txt`);
        return text === answers.name ? pass(`${text}`) : fail(text ?? 'no file', answers.name);
      },
    },
  ],
  plan: async ({ answers }) => [
    {
      id: `${id}.write`,
      summary: `Write ${id}.txt`,
      diff: `--- /dev/null\n+++ ${id}.txt\n+${answers.name}`,
      async apply(host) {
        host.progress('waiting for the go');
        if (waits) await appears(join(dir, '../go'));
        await host.writeFile(`${id}.txt`, answers.name, { mode: 0o600 });
      },
    },
  ],
});

const options: PersonOptions = {
  product: { name: 'toy', version: '1', sections: { operation: 'Operation' } },
  style: { colour: false, unicode: false, width: 80, verbose: false, planning: false },
  input: process.stdin,
  output: process.stdout,
  cancel: () => controller.abort(),
  signal: controller.signal,
  keep: () => [],
  reveals: [],
  reportFile: join(dir, 'report.md'),
};
const scripted = (): PersonFrontend => ({
  ...scriptFrontend({
    consent: kind === 'script' ? 'all' : 'none',
    style: options.style,
    write: (text) => void process.stdout.write(text),
    keep: () => [],
  }),
  close: async () => {},
});
const frontend = kind === 'tui' ? tuiFrontend(options) : kind === 'line' ? lineFrontend(options) : scripted();

/** Where an answer came from and how long things took are what front ends may differ in. */
const neutral = (event: unknown) =>
  JSON.parse(
    JSON.stringify(event, (key, value) =>
      ['duration', 'startedAt', 'finishedAt', 'source'].includes(key) ? undefined : value,
    ),
  ) as unknown;

const events: unknown[] = [];
const known = new Map<string, KnownAnswer>();
if (kind === 'script' || kind === 'refusing' || process.env.KNOWN === '1')
  known.set('name', { raw: 'bear', source: 'answers file', where: 'answers' });
const report = await run({
  mode: 'apply',
  steps: [fileStep('first', false), fileStep('second', process.env.WAITS === '1')],
  questions: { name },
  known,
  host: createHostSource({
    dir,
    backups: '.state/backups',
    journal: '.state/journal.jsonl',
    helperLabel: 'toy',
    helperImage: () => undefined,
  }),
  frontend: {
    interactive: frontend.interactive,
    ask: (asking) => frontend.ask(asking),
    decide: (proposal) => frontend.decide(proposal),
    emit(event) {
      events.push(neutral(event));
      frontend.emit(event);
    },
  },
  skip: new Set(),
  signal: controller.signal,
  tool: { name: 'toy', version: '1' },
  dir,
});
await frontend.close();
writeFileSync(traceFile, JSON.stringify(events, null, 1));
process.exit(report.exit);
