/**
 * A toy run behind the line front end, for a real pseudo-terminal. Bundled and started by line.test.ts with the file
 * for what was answered as its argument; environment variables choose what goes wrong.
 */
import { writeFileSync } from 'node:fs';
import { run } from '../../src/core/engine.ts';
import { AnswerError, ChangeError } from '../../src/core/errors.ts';
import { type Question, question } from '../../src/core/question.ts';
import { Secret } from '../../src/core/secret.ts';
import { type AnyStep, attest, type Change, type Control, fail, pass } from '../../src/core/step.ts';
import { lineFrontend } from '../../src/frontends/line/index.ts';
import { blindHost } from '../fakes/blind-host.ts';

const out = process.argv[2] ?? '';
const is = (name: string) => process.env[name] === '1';
const refuse = (seen: string, expected: string) => new AnswerError(seen, expected, 'write another one');

const questions = {
  domain: question({
    title: 'Under which name do people reach the toy?',
    help: 'The certificate is bound to this name.',
    section: 'tls',
    kind: 'text',
    example: 'toy.example.com',
    suggest: async () => [{ value: 'toy.example.com', because: 'this host calls itself so' }],
    parse: (raw) => {
      if (typeof raw !== 'string' || !raw.includes('.'))
        throw refuse(JSON.stringify(raw), 'a name with a dot');
      return raw;
    },
  }),
  ranges: question({
    title: 'Who may open the console?',
    help: 'Everyone else is refused.',
    section: 'tls',
    kind: 'list',
    example: ['10.0.0.0/8'],
    prefill: true,
    suggest: async () => [
      { value: ['198.51.100.7/32'], because: 'you are connected from 198.51.100.7' },
      { value: ['10.0.0.0/8'], because: "the network of this host's eth0" },
    ],
    parse: (raw) => {
      const items = typeof raw === 'string' ? [raw] : raw;
      for (const item of items) if (!/^[0-9./]+$/.test(item)) throw refuse(item, 'an address range');
      return items;
    },
  }),
  database: question({
    title: 'Which database holds the data?',
    help: 'One beside the toy, or yours.',
    section: 'operation',
    kind: 'choice',
    ask: 'start',
    choices: ['bundled', 'external'],
    choiceHelp: ['it runs beside the toy', 'a server that you run'],
    example: 'bundled',
    default: 'bundled',
    parse: (raw) => {
      if (raw !== 'bundled' && raw !== 'external') throw refuse(String(raw), 'bundled or external');
      return raw;
    },
  }),
  password: question({
    title: "Where does the administrator's password come from?",
    help: 'It replaces the one that everybody knows.',
    section: 'operation',
    kind: 'secret',
    ask: 'start',
    example: 'generate',
    default: 'generate',
    rules: [
      { rule: '12 characters or more', met: (text) => text.length >= 12 },
      { rule: 'a digit', met: (text) => /\d/.test(text) },
    ],
    parseSecret: (secret) => ({ from: 'value', secret }),
    parse: (raw) => {
      if (raw !== 'generate' && !/^(file|env):/.test(String(raw)))
        throw refuse('it', 'generate, file: or env:');
      return { from: raw };
    },
  }),
  hours: question({
    title: 'After how many hours must people log in again?',
    help: 'From 1 to 168.',
    section: 'operation',
    kind: 'text',
    ask: 'start',
    pattern: '^[0-9]+$',
    example: '8',
    default: '8',
    parse: Number,
  }),
} satisfies Record<string, Question<unknown>>;

const state = { file: is('HELD'), started: is('HELD') };
const control = (id: string, title: string, more: Partial<Control> & Pick<Control, 'inspect'>): Control => ({
  id,
  title,
  severity: 'required',
  section: 'operation',
  how: 'Looks at the toy.',
  threat: 'The toy breaks.',
  remedy: 'Repair the toy.',
  impact: 'None.',
  ...more,
});
const change = (id: string, summary: string, apply: Change['apply'], more: Partial<Change> = {}): Change => ({
  id,
  summary,
  apply,
  ...more,
});

const steps: AnyStep[] = [
  {
    id: 'files',
    title: 'Files',
    why: 'What the toy reads must be there, and nobody else may read it.',
    needs: ['domain', 'ranges', 'password'],
    controls: [
      control('file.there', 'the file is there', {
        inspect: async () =>
          state.file ? pass('48 bytes') : fail('no file', 'a file', 'it was never written'),
      }),
      control('file.private', 'nobody else can read the file', { inspect: async () => pass('mode 0600') }),
      control('file.copied', 'a copy of the file is kept apart', {
        severity: 'advised',
        inspect: async () => attest('say where the copy is'),
      }),
    ],
    plan: async () => [
      change(
        'file.write',
        'write toy.conf \u2192 0600, \u201cprivate\u201d',
        async (host) => {
          // A log may carry colour; a listener must not hear it.
          host.progress('\u001b[32mwriting\u001b[0m');
          if (is('BROKEN')) {
            throw new ChangeError('command', 'the disk said \u001b[31mno\u001b[0m', 'Free some space.', [
              'one',
              '\u001b[1mtwo',
            ]);
          }
          state.file = true;
        },
        { diff: '--- toy.conf\n+++ toy.conf\n+name = toy' },
      ),
    ],
  },
  {
    id: 'start',
    title: 'Start',
    why: 'It is started last.',
    needs: ['database', 'hours'],
    controls: [
      control('start.runs', 'the toy runs', {
        inspect: async () => (state.started ? pass('it answers') : fail('it does not answer', 'an answer')),
        impact: 'A restart of 6 s.',
      }),
    ],
    plan: async () => [
      change(
        'start.up',
        'start the toy',
        async () => {
          state.started = !is('LAME');
        },
        is('IRREVERSIBLE') ? { irreversible: true } : {},
      ),
    ],
  },
];

const abort = new AbortController();
const cancelled: string[] = [];
const cancel = () => {
  cancelled.push('cancel');
  abort.abort();
};
process.on('SIGINT', cancel);
process.on('SIGHUP', cancel);
const host = blindHost('/srv/toy');
const writer = host.writer;
const front = lineFrontend({
  product: { name: 'create-toy', version: '1.2.3', sections: { tls: 'TLS / HTTPS', operation: 'Operation' } },
  style: {
    colour: false,
    unicode: is('UNICODE'),
    width: process.stdout.columns,
    verbose: false,
    planning: false,
  },
  input: process.stdin,
  output: process.stdout,
  cancel,
  signal: abort.signal,
  keep: () => [['check again', 'npx create-toy verify']],
  reveals: [
    {
      label: "the administrator's password",
      path: '/srv/toy/secrets/admin',
      read: async () => new Secret('Generated-canary-1'),
    },
  ],
  reportFile: '/srv/toy/report.md',
});
const replies: unknown[] = [];
const report = await run({
  mode: is('VERIFY') ? 'verify' : 'apply',
  steps,
  questions,
  known: new Map(is('ANSWERED') ? [...ANSWERED()] : []),
  host: {
    ...host,
    writer: (signal, progress) => ({ ...writer(signal, progress), progress }),
  },
  frontend: {
    ...front,
    ask: async (asking) => {
      const reply = await front.ask(asking);
      const typed = reply.is === 'answer' && reply.raw !== undefined && String(reply.raw) === '[secret]';
      replies.push([asking.id, typed ? { is: 'secret' } : reply]);
      return reply;
    },
    decide: async (proposal) => {
      const decision = await front.decide(proposal);
      replies.push([proposal.is, decision]);
      return decision;
    },
  },
  skip: new Set(),
  signal: abort.signal,
  tool: { name: 'create-toy', version: '1.2.3' },
  dir: '/srv/toy',
});
await front.close();
const idle = {
  paused: process.stdin.isPaused(),
  raw: process.stdin.isRaw,
  listeners: process.stdin.listenerCount('data'),
};
writeFileSync(out, JSON.stringify({ exit: report.exit, replies, cancelled: cancelled.length > 0, idle }));
// Nothing may be left that keeps the process: no exit is called.
process.exitCode = report.exit;

function* ANSWERED(): Generator<[string, { raw: string | string[]; source: 'flag'; where: string }]> {
  yield ['domain', { raw: 'toy.example.com', source: 'flag', where: '--domain' }];
  yield ['ranges', { raw: ['10.0.0.0/8'], source: 'flag', where: '--ranges' }];
  yield ['database', { raw: 'bundled', source: 'flag', where: '--database' }];
  yield ['password', { raw: 'generate', source: 'flag', where: '--password' }];
  yield ['hours', { raw: '8', source: 'flag', where: '--hours' }];
}
