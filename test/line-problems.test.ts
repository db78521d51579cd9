/** A command line that is wrong in several ways is told all of them at once, in the order in which they were typed. */
import { describe, expect, it } from 'vitest';
import { inOrder, readArguments } from '../src/args.ts';
import type { Problem } from '../src/core/errors.ts';
import { lineProblems } from '../src/line-problems.ts';
import { product } from '../steps/index.ts';

const argsOf = (argv: readonly string[]) => readArguments(argv, product.questions, product.outside.questions);
const told = (...argv: readonly string[]): string[] =>
  lineProblems(argsOf(argv), { product, command: ['/usr/bin/node', '/usr/lib/tool/bin.cjs'] }).map(
    ({ where, seen }) => `${where}: ${seen}`,
  );

describe('values beside what does not fit', () => {
  it('are told at once, in the order of the line', () => {
    expect(
      told('verify', '--since', 'then', '--inside', '--format=pdf', '--http-port', '0', '--fail-on', 'never'),
    ).toEqual([
      '--since: "then" is no point in time',
      '--inside: it beside verify',
      '--format pdf: an unknown format',
      expect.stringMatching(/^--http-port: /),
      '--fail-on never: an unknown severity',
    ]);
  });

  it.each<[string, readonly string[], readonly (string | RegExp)[]]>([
    [
      'apply',
      ['--domain', 'not a name', '--watch', '5m', '--skip', 'nothing', '--yse'],
      [
        /^--domain: /,
        '--watch: it beside apply',
        '--skip nothing: an unknown control',
        '--yse: an unknown flag',
      ],
    ],
    [
      'apply --files-only',
      ['--files-only', '--dir', '/srv/a:b', '--only', 'tls.*'],
      ['--dir: "/srv/a:b"', '--only: it beside apply --files-only'],
    ],
    [
      'verify',
      ['verify', '/a', '--dir', '/b', '--only', 'tsl.*', '--signers', 'f', '--severity', 'all'],
      [
        '--dir: directories by both --dir and words',
        '--only tsl.*: no control of this name',
        '--signers: it beside verify',
        '--severity all: an unknown severity',
      ],
    ],
    [
      'verify --evidence',
      ['verify', '--evidence', '--fix', '--expect', 'abc'],
      ['--fix: it beside verify --evidence', '--expect: 3 characters that are no hash'],
    ],
    [
      'verify --watch',
      ['verify', '--watch', '1s', '--exit-zero', '--section', 'none'],
      [
        '--watch: 1s is out of range',
        '--exit-zero: it beside verify --watch',
        '--section none: no section of this name',
      ],
    ],
    [
      'probe',
      ['probe', 'ftp://x', '--yes', '--admin-ranges', 'everywhere'],
      [/^probe: /, '--yes: it beside probe', /^--admin-ranges: /],
    ],
    [
      'explain',
      ['explain', 'tls.1-4', '--yes', '--http-port', 'x', 'no.such'],
      [
        'explain tls.1-4: no control of this name',
        '--yes: it beside explain',
        /^--http-port: /,
        'explain no.such: no control of this name',
      ],
    ],
    ['schema', ['schema', 'x', '--dir', '/a'], ['schema x: an unknown word', '--dir: it beside schema']],
    ['example', ['--json', 'example', 'x'], ['--json: it beside example', 'example x: an unknown word']],
    [
      'controls',
      ['controls', '--yes', '--section', 'none'],
      ['--yes: it beside controls', '--section none: no section of this name'],
    ],
    [
      'schedule',
      ['schedule', 'cron', '--yes', '--format', 'sarif=a', '--format', 'prometheus=/x.txt'],
      ['--yes: it beside schedule', '--format sarif=a: another format'],
    ],
    [
      'schedule without a word',
      ['schedule', '--yes'],
      ['schedule: nothing after it', '--yes: it beside schedule'],
    ],
  ])('%s', (_mode, argv, expected) => {
    const all = told(...argv);
    expect(all).toEqual(
      expected.map((text) => (typeof text === 'string' ? text : expect.stringMatching(text))),
    );
  });

  it('are not judged where the flag itself is refused, or has none', () => {
    expect(told('apply', '--since', 'then', '--format', 'a', '--format', 'b')).toEqual([
      '--since: it beside apply',
      '--format: it beside apply',
    ]);
    expect(told('--domain=', '--http-port', '443', '--tls', 'none', '--admin-ranges')).toEqual([
      '--domain: no value',
      '--tls: "none"',
      '--admin-ranges: no value',
    ]);
    expect(told('verify', '--dry-run', '--since')).toEqual([
      '--dry-run: it beside verify',
      '--since: no value',
    ]);
  });

  it('are judged as those of the command that was meant', () => {
    expect(told('verfy', '--fix', '--since', 'then')).toEqual([
      'verfy: an unknown command',
      '--since: "then" is no point in time',
    ]);
  });
});

describe('a flag where a value should be', () => {
  it('is not taken for the value: it would be lost', () => {
    const seen = 'a value that begins with a dash, as flags do';
    expect(told('--dir', '--yes')).toEqual([`--dir: ${seen}`]);
    expect(told('verify', '--since', '-v', '--skip', '--json')).toEqual([
      `--since: ${seen}`,
      `--skip: ${seen}`,
    ]);
    expect(argsOf(['verify', '--dir=-odd']).problems).toEqual([]);
  });
});

describe('problems', () => {
  it('of the line come in its order, whoever finds them; those of files follow', () => {
    const args = argsOf(['verify', '-v', '--skip', 'a', '--skip', 'b', '--format', 'pdf', 'x y']);
    const found = [
      'answers.yaml:2:1',
      'x y',
      '--format pdf',
      'waivers.yaml:1:1',
      '--skip b',
      '--skip a',
      '--verbose',
    ];
    const problems = found.map((where): Problem => ({ where, seen: '', expected: '', fix: '' }));
    expect(inOrder(args, problems).map(({ where }) => where)).toEqual([
      ...['--verbose', '--skip a', '--skip b', '--format pdf', 'x y'],
      ...['answers.yaml:2:1', 'waivers.yaml:1:1'],
    ]);
  });
});
