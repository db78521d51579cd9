import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseAnswersFile } from '../../src/answers/file.ts';
import { fromEnvironment, fromFlags, mergeLayers } from '../../src/answers/layers.ts';
import { answersSchema, exampleAnswers, renderSavedAnswers } from '../../src/answers/schema.ts';
import { readArguments } from '../../src/args.ts';
import { resolveAll } from '../../src/core/answers.ts';
import { redact } from '../../src/core/secret.ts';
import { questions } from '../../steps/questions.ts';

const read = (text: string) => parseAnswersFile(text, 'answers.yaml', questions);
const GOOD =
  'image: corecube/corecube:1\ndomain: corecube.test\ntls: internal\nadminRanges: [10.0.0.0/8]\nadminEmail: a@corecube.test\n';

describe('answers file', () => {
  it('reports every problem at once, each with its line and column', () => {
    const { problems } = read(
      'imagee: x\ndomain:\ntls: [acme]\nadminRanges: {a: 1}\nadminEmail: !!str a@b.c\n',
    );
    expect(problems.map((p) => p.where)).toEqual([
      'answers.yaml:1:1',
      expect.stringMatching(/^answers\.yaml:[23]:/),
      'answers.yaml:3:6',
      'answers.yaml:4:14',
      'answers.yaml:5:19',
    ]);
    expect(problems[0]?.fix).toBe('did you mean image');
    for (const problem of problems) expect(problem.expected.length * problem.fix.length).toBeGreaterThan(0);
  });

  it.each([
    ['a: b: c', 'answers.yaml:1:'],
    ['image: x:1\nimage: y:1', 'answers.yaml:2:1'],
    ['- image', 'answers.yaml:1:1'],
    ['x: &a 1\ndomain: *a', 'answers.yaml:1:1'],
    ['image: "unclosed', 'answers.yaml:'],
    ['__proto__: 1', 'answers.yaml:1:1'],
    ['constructor: 1', 'answers.yaml:1:1'],
    ['\tdomain: x', 'answers.yaml:1:'],
  ])('refuses %j', (text, where) => {
    const { problems } = read(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]?.where).toContain(where);
  });

  it.each([
    ['levels in each other', `${'['.repeat(5_000)}${']'.repeat(5_000)}`, 1],
    ['thousands of unknown keys beside a syntax error', `${'a: b: c\n'.repeat(3_000)}`, 51],
    ['the same key again and again', 'image: x:1\n'.repeat(3_000), 51],
  ])('names the first problems of %s', (_, text, count) => {
    expect(read(text).problems).toHaveLength(count);
  });

  it('reads what editors of other systems write', () => {
    const { known, problems } = read(`\uFEFF${GOOD.replaceAll('\n', '\r\n')}`);
    expect([problems, known.get('domain')?.raw]).toEqual([[], 'corecube.test']);
  });

  it('takes scalars as they are written', () => {
    const { known } = read('sessionHours: 08\nimage: 1.10\nprojectName: yes\n');
    expect([known.get('sessionHours')?.raw, known.get('image')?.raw, known.get('projectName')?.raw]).toEqual([
      '08',
      '1.10',
      'yes',
    ]);
  });

  it('never repeats a password that was pasted where a reference belongs', () => {
    const password = 'Tr0ub4dor&3-canary';
    const { known } = read(`${GOOD}adminPassword: ${JSON.stringify(password)}\n`);
    const { problems } = resolveAll(questions, ['adminPassword'], known);
    expect(problems).toHaveLength(1);
    expect(JSON.stringify(problems)).not.toContain(password);
    expect(redact(`something said ${password}`)).toBe('something said [secret]');
  });

  it('lists everything that is missing at once', () => {
    const { missing, problems } = resolveAll(
      questions,
      Object.keys(questions),
      read('tls: files\ndatabase: external\n').known,
    );
    expect(problems).toEqual([]);
    expect(missing.sort()).toEqual([
      'adminEmail',
      'adminRanges',
      'databaseAdminUrl',
      'databaseCa',
      'domain',
      'image',
      'tlsCertificate',
      'tlsKey',
    ]);
  });

  it('never has a reachable question without an answer when all required ones are given, on any branch', () => {
    for (const tls of ['acme', 'files', 'internal']) {
      for (const database of ['bundled', 'external']) {
        const text = `${GOOD.replace('internal', tls)}database: ${database}\nacmeEmail: a@b.org\ntlsCertificate: /a\ntlsKey: /b\ndatabaseAdminUrl: file:/c\ndatabaseCa: /d\n`;
        expect(resolveAll(questions, Object.keys(questions), read(text).known)).toMatchObject({
          missing: [],
          problems: [],
        });
      }
    }
  });
});

describe('precedence', () => {
  it('takes flag, then environment, then file, then saved answers', () => {
    const flag = fromFlags(questions, { domain: 'flag.test' });
    const env = fromEnvironment(questions, 'CORECUBE_SECURE', {
      CORECUBE_SECURE_DOMAIN: 'env.test',
      CORECUBE_SECURE_TLS: 'internal',
    }).known;
    const file = read('domain: file.test\ntls: files\nprojectName: file\n').known;
    const saved = parseAnswersFile(
      'domain: saved.test\nprojectName: saved\nlistenAddress: 127.0.0.1\n',
      's',
      questions,
      'saved answers',
    ).known;
    const merged = mergeLayers([flag, env, file, saved]);
    expect([...merged].map(([id, a]) => `${id}=${a.raw} (${a.source})`).sort()).toEqual([
      'domain=flag.test (flag)',
      'listenAddress=127.0.0.1 (saved answers)',
      'projectName=file (answers file)',
      'tls=internal (environment)',
    ]);
  });

  it('refuses unknown variables of its prefix and gives secrets a _FILE form only', () => {
    const { known, problems } = fromEnvironment(questions, 'CORECUBE_SECURE', {
      CORECUBE_SECURE_DOMIAN: 'x',
      CORECUBE_SECURE_ADMIN_PASSWORD: 'hunter2hunter2',
      CORECUBE_SECURE_ADMIN_PASSWORD_FILE: '/run/pw',
      CORECUBE_SECURE_ADMIN_RANGES: '10.0.0.0/8, 192.168.0.0/16',
    });
    expect(problems.map((p) => p.fix)).toEqual([
      'did you mean CORECUBE_SECURE_DOMAIN',
      'did you mean CORECUBE_SECURE_ADMIN_PASSWORD_FILE',
    ]);
    expect(known.get('adminPassword')?.raw).toBe('file:/run/pw');
    expect(known.get('adminRanges')?.raw).toEqual(['10.0.0.0/8', '192.168.0.0/16']);
  });
});

describe('command line', () => {
  it('collects every problem, in the order of the line', () => {
    const { problems } = readArguments(
      ['install', 'extra', '--domian', 'x', '--admin-password', 'p', '--yes=no', '--dir'],
      questions,
    );
    expect(problems.map((p) => p.where)).toEqual([
      'install',
      'extra',
      '--domian',
      '--admin-password',
      '--yes',
      '--dir',
    ]);
    expect(problems[2]?.fix).toBe('did you mean --domain');
  });

  it('judges what follows a misspelt command as what was meant', () => {
    const { problems } = readArguments(['--since', 'last', 'verfy', 'dir', '--inside'], questions);
    expect(problems).toMatchObject([
      { where: 'verfy', fix: 'did you mean verify' },
      { where: '--inside', seen: 'it beside verify' },
    ]);
  });

  it('reads a usual call', () => {
    const args = readArguments(
      ['--yes', '--answers', 'a.yaml', '--skip', 'a.b,c.d', '--skip', 'e.f', '--admin-ranges', '10.0.0.0/8'],
      questions,
    );
    expect(args).toMatchObject({ command: 'apply', problems: [] });
    expect(args.on('yes')).toBe(true);
    expect(args.on('json')).toBe(false);
    expect(args.text('answers')).toBe('a.yaml');
    expect(args.text('dir')).toBeUndefined();
    expect(args.list('skip')).toEqual(['a.b', 'c.d', 'e.f']);
  });

  it('takes what goes with a command, and nothing else', () => {
    const problems = (...argv: string[]) =>
      readArguments(argv, questions).problems.map(({ where, seen }) => `${where}: ${seen}`);
    expect(problems('verify', 'a', 'b', '--format', 'sarif=x', '--format', 'json')).toEqual([]);
    expect(readArguments(['verify', 'a', 'b'], questions).operands).toEqual(['a', 'b']);
    expect(problems('verify', '--dry-run', '--inside')).toEqual([
      '--dry-run: it beside verify',
      '--inside: it beside verify',
    ]);
    expect(problems('apply', '--format', 'json')).toEqual(['--format: it beside apply']);
    expect(problems('schema', '--domain', 'a.org')).toEqual(['--domain: it beside schema']);
    expect(problems('explain')).toEqual(['explain: nothing after it']);
    expect(problems('probe', 'https://a', 'https://b')).toEqual(['https://b: an extra word']);
  });
});

describe('schema and example', () => {
  it('agree with each other and with the parsers', async () => {
    const { Ajv2020 } = await import('ajv/dist/2020.js');
    const validate = new Ajv2020({ strict: false }).compile(answersSchema(questions, 'answers'));
    const example = exampleAnswers(questions, ['heading'], 'schema.json');
    expect(validate(parse(example)) || validate.errors).not.toEqual([]);
    const everything = example
      .split('\n')
      .map((line) => line.replace(/^# (?!yaml-language-server)/, ''))
      .join('\n');
    const { known, problems } = parseAnswersFile(everything, 'example', questions);
    expect(problems).toEqual([]);
    expect([...known.keys()].sort()).toEqual(Object.keys(questions).sort());
    expect(resolveAll(questions, Object.keys(questions), known).problems).toEqual([]);
    expect(validate(parse(everything)) ? null : validate.errors).toBeNull();
    expect(validate({ ...parse(example), surprise: 1 })).toBe(false);
    expect(validate({ ...parse(example), tls: 'files' })).toBe(false);
  });

  it('saves what can be read again, and no secret', () => {
    const { answers } = resolveAll(
      questions,
      Object.keys(questions),
      read(`${GOOD}adminPassword: file:/root/pw\n`).known,
    );
    const text = renderSavedAnswers(answers, questions, 'saved');
    const again = parseAnswersFile(text, 'saved', questions);
    expect(again.problems).toEqual([]);
    expect(
      resolveAll(questions, Object.keys(questions), again.known).answers.get('adminRanges')?.value,
    ).toEqual(['10.0.0.0/8']);
    expect(again.known.get('adminPassword')?.raw).toBe('file:/root/pw');
  });
});
