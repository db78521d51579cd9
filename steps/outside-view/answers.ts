/** What the look from another machine is told: on the command line only, because there is no install. */
import { resolve } from 'node:path';
import { AnswerError } from '../../src/core/errors.ts';
import { type Question, question, type RawAnswer } from '../../src/core/question.ts';
import { questions } from '../questions.ts';
import { claimsOf } from '../reverse-proxy/attack.ts';
import * as grammar from '../shared/grammar.ts';

/** Where the look is aimed: the name of the install and the port of its public origin. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface ProbeAnswers {
  readonly target: Target;
  readonly inside: 'yes' | 'no';
  /** Absolute path of the root certificate (PEM) that replaces this machine's trust store. */
  readonly ca: string | undefined;
  readonly httpPort: number;
  readonly publicPaths: readonly string[];
  /** Undefined: they were not told; the ranges of the guide's example are claimed then. */
  readonly adminRanges: readonly string[] | undefined;
}

/**
 * The origin of an install, `https://name` or `https://name:port`.
 * @throws {AnswerError} for anything else: an address, a path, credentials, another scheme
 */
export function probeTarget(raw: RawAnswer): Target {
  const value = grammar.text(raw);
  const expected = 'https://NAME or https://NAME:PORT';
  const match = /^https:\/\/([^/?#@:\\[\]\s]+)(?::(\d{1,5}))?\/?$/i.exec(value);
  if (!match) {
    const fix = value.includes('@')
      ? 'leave out user and password: none are sent'
      : /^http:/i.test(value)
        ? 'write https: plain HTTP is tried too, by itself'
        : /^[a-z0-9.-]+$/i.test(value)
          ? `write https://${value}`
          : 'write the origin that people type, without a path';
    throw new AnswerError(
      value.includes('@') ? 'an address with credentials' : JSON.stringify(value),
      expected,
      fix,
    );
  }
  const port = match[2] === undefined ? 443 : Number(match[2]);
  if (port < 1 || port > 65535)
    throw new AnswerError(JSON.stringify(value), expected, 'choose a port from 1 to 65535');
  return { host: grammar.hostName(match[1] as string), port };
}

/** Questions of the probe: none is ever asked of a person, each is a word or a flag of the command line. */
export const probeQuestions = {
  target: question({
    title: 'Which install is looked at?',
    help: 'The origin that people type into a browser.',
    section: 'operation',
    kind: 'text',
    example: 'https://corecube.mycompany.org',
    parse: probeTarget,
  }),
  inside: question({
    title: 'Is this machine inside the allowed ranges?',
    help: 'Then the console must open, and what others are refused cannot be judged from here.',
    section: 'admin-console-access',
    kind: 'choice',
    choices: ['yes', 'no'],
    example: 'no',
    default: 'no',
    parse: grammar.choice(['yes', 'no']),
  }),
  ca: question({
    title: 'Which root certificate is trusted instead of those of this machine?',
    help: 'For a private certificate authority. A PEM file.',
    section: 'tls',
    kind: 'file',
    example: './root.crt',
    optional: true,
    parse: (raw) => resolve(grammar.text(raw)),
  }),
  httpPort: questions.httpPort,
  publicPaths: questions.publicPaths,
  adminRanges: question({ ...questions.adminRanges, optional: true }),
} satisfies Readonly<Record<keyof ProbeAnswers, Question<unknown>>>;

/** The guide's own example ranges (Admin console access restriction) and loopback: claimed when no range is told. */
const USUAL_CLAIMS = ['10.0.0.0/8', '192.168.0.0/16', '127.0.0.1/32'];

/** The addresses that forged headers claim: one of each family of the ranges, or the usual ones. */
export const claimedBy = (ranges: readonly string[] | undefined): readonly string[] =>
  ranges === undefined ? USUAL_CLAIMS.map((range) => range.split('/')[0] as string) : claimsOf(ranges);
