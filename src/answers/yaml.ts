/** YAML that a person wrote, of which nothing is trusted: size, nesting, keys and tags are looked at before any value. */
import { CST, isAlias, isScalar, Lexer, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { Problem } from '../core/errors.ts';

/** A file that a person writes is not larger than this (characters). */
const MAX_SIZE = 1_000_000;
/** Deeper nesting is no file of ours, and overflows the stack of every recursive reader. */
const MAX_DEPTH = 100;
/** Problems listed in full. */
const MAX_PROBLEMS = 50;

/** What the file is meant to be, for the problems. */
export interface YamlKind {
  /** With its article: `an answers file`. */
  readonly what: string;
  /** The flag that names it. */
  readonly flag: string;
  /** What every syntax error expects, and where to look it up. */
  readonly expected: string;
  readonly fix: string;
}

export interface YamlText {
  /** Null for an empty file, and whenever there are problems. */
  readonly root: Node | null;
  readonly problems: Problem[];
  /** `name:line:column` of an offset, both counted from 1. */
  at(offset: number | undefined): string;
}

/**
 * Parses one YAML 1.2 document. Lists every problem with its line and column: syntax, repeated keys, more than one
 * document. Aliases are left in place and never followed, so that a small file cannot become a large one.
 */
export function readYaml(text: string, name: string, kind: YamlKind): YamlText {
  const lines = new LineCounter();
  const at = (offset: number | undefined) => {
    const { line, col } = lines.linePos(offset ?? 0);
    return `${name}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const refused = (seen: string): YamlText => ({
    root: null,
    at,
    problems: [{ where: name, seen, expected: kind.what, fix: `name the right file with ${kind.flag}` }],
  });
  if (text.length > MAX_SIZE) return refused(`${text.length} characters`);
  // Editors of other systems put a byte order mark first, which is no part of the text (YAML 1.2.2, 5.2).
  const source = text.replace(/^\uFEFF/, '');
  if (isTooDeep(source)) return refused(`more than ${MAX_DEPTH} levels in each other`);
  const document = parseDocument(source, {
    lineCounter: lines,
    // Looked for below, in one pass: the library compares every key with every other one.
    uniqueKeys: false,
    prettyErrors: false,
    schema: 'core',
    version: '1.2',
  });
  const found = [...document.errors, ...document.warnings].map(
    (error) => [error.pos[0], inOurWords(error)] as const,
  );
  if (found.length === 0) {
    visit(document, {
      Map(_, map) {
        const seen = new Set<unknown>();
        for (const { key } of map.items) {
          if (!isScalar(key)) continue;
          if (seen.has(key.value)) found.push([key.range?.[0] ?? 0, 'a key that is there already']);
          seen.add(key.value);
        }
      },
    });
  }
  const problems = found.map(([offset, seen]): Problem => {
    return { where: at(offset), seen, expected: kind.expected, fix: kind.fix };
  });
  return {
    root: problems.length > 0 || isNothing(document.contents) ? null : document.contents,
    problems,
    at,
  };
}

/** The library's message; where it speaks to whoever programs with it, what is meant. */
const inOurWords = ({ code, message }: { readonly code: string; readonly message: string }): string =>
  code === 'MULTIPLE_DOCS' ? 'a second document' : (message.split('\n')[0] ?? 'not YAML');

/** No value: nothing written, or a null. */
export const isNothing = (node: Node | null): node is null =>
  node === null || (isScalar(node) && node.value === null);

/** The first problems of a file, and how many there are more: one that is something else altogether has thousands. */
export function firstProblems(problems: readonly Problem[], name: string, kind: YamlKind): Problem[] {
  const more = problems.length - MAX_PROBLEMS;
  if (more <= 0) return [...problems];
  const rest = { where: name, seen: `${more} problems more`, expected: kind.expected, fix: kind.fix };
  return [...problems.slice(0, MAX_PROBLEMS), rest];
}

/** An alias or a tag: something else is meant than what is written at this place. */
export const isIndirect = (node: Node): boolean => isAlias(node) || node.tag !== undefined;

/** Counts nesting token by token, without recursion: brackets, indicators on one line, and indentation. */
function isTooDeep(text: string): boolean {
  let brackets = 0;
  let onLine = 0;
  let isLineStart = true;
  let isScalarNext = false;
  for (const token of new Lexer().lex(text)) {
    if (isScalarNext) {
      isScalarNext = false;
      continue;
    }
    switch (CST.tokenType(token)) {
      case 'scalar':
        isScalarNext = true;
        break;
      case 'flow-seq-start':
      case 'flow-map-start':
        brackets++;
        break;
      case 'flow-seq-end':
      case 'flow-map-end':
        brackets--;
        break;
      case 'seq-item-ind':
      case 'explicit-key-ind':
        onLine++;
        break;
      case 'newline':
        onLine = 0;
        isLineStart = true;
        continue;
      case 'space':
        // Each level needs a column of its own; twice the levels leaves room for any style of indentation.
        if (isLineStart && token.length > 2 * MAX_DEPTH) return true;
        break;
      default:
        break;
    }
    isLineStart = false;
    if (brackets + onLine > MAX_DEPTH) return true;
  }
  return false;
}
