import stringWidth from 'string-width';
import { choicesOf, problemOf, type QuestionPanel, rawText, suggestionsOf } from '../model/question.ts';
import { type TextInput, textOf } from '../model/text-input.ts';
import {
  blank,
  bold,
  type Canvas,
  clean,
  isNarrow,
  type Line,
  paragraph,
  quiet,
  type Span,
  sign,
  span,
  spread,
  textWidth,
  truncate,
} from './lines.ts';

/** Suggestions shown at once. */
const MOST = 4;

/** How much is left out where there is little room: what must be read stays, what helps goes first. */
type Brevity = 0 | 1 | 2 | 3;

/** The open question. `sections`: titles of the guide's sections by id; `rows`: how many lines there is room for. */
export function drawQuestion(
  panel: QuestionPanel,
  canvas: Canvas,
  sections: Readonly<Record<string, string>>,
  rows: number,
  soFar: readonly string[] = [],
): Line[] {
  const section = sections[panel.asking.question.section] ?? panel.asking.question.section;
  const draw = (brevity: Brevity) => [
    ...(brevity === 0 ? answered(soFar, canvas) : []),
    ...drawBriefly(panel, canvas, section, brevity),
  ];
  for (const brevity of [0, 1, 2] as const) {
    const lines = draw(brevity);
    if (lines.length <= rows) return lines;
  }
  return draw(3);
}

/** What was answered so far, the latest last; they go to the scrollback once no earlier one can change. */
function answered(values: readonly string[], canvas: Canvas): Line[] {
  if (values.length === 0) return [];
  const width = textWidth(canvas) - 2;
  const short = values.map((value) => truncate(value, Math.floor(width / 2), canvas.unicode));
  let text = '';
  for (const [i, value] of short.reverse().entries()) {
    const next = i === 0 ? value : `${value}, ${text}`;
    if (stringWidth(next) > width - 12) {
      text = `${canvas.unicode ? '…' : '..'} ${text}`;
      break;
    }
    text = next;
  }
  return [[span('  '), quiet(`so far  ${text}`)], blank];
}

/** 1: no help. 2: help of the highlighted choice only, rules that are not met only, no suggestions. 3: neither, no gaps. */
function drawBriefly(panel: QuestionPanel, canvas: Canvas, section: string, brevity: Brevity): Line[] {
  const { asking } = panel;
  const { question } = asking;
  // The choices explain themselves where they can.
  const hasHelp = brevity === 0 && !question.choiceHelp && question.kind !== 'secret';
  const gap = brevity < 3 ? [blank] : [];
  const choices = choicesOf(asking, panel.stage);
  const lines: Line[] = [
    ...spread(
      [span('  '), span(sign('here', canvas), 'accent'), span(' '), bold(section)],
      [quiet(asking.total > 1 ? `question ${asking.index} of ${asking.total}` : 'question')],
      canvas,
    ),
    ...gap,
    ...paragraph(question.title, 4, canvas),
    ...(hasHelp ? paragraph(question.help, 4, canvas, 'quiet') : []),
    ...gap,
    ...(choices ? drawChoices(choices, panel, canvas, brevity) : drawInput(panel, canvas, brevity)),
  ];
  if (choices) lines.push(...noticeLines(panel, canvas));
  if (panel.showWhy) lines.push(...gap, ...why(panel, section, canvas, brevity));
  return lines;
}

/** What is wrong with what was entered: right below it. */
function noticeLines({ notice }: QuestionPanel, canvas: Canvas): Line[] {
  return notice === undefined
    ? []
    : paragraph(notice.text, 6, canvas, notice.is === 'refused' ? 'bad' : 'open');
}

function why(panel: QuestionPanel, section: string, canvas: Canvas, brevity: Brevity): Line[] {
  const { threat } = panel.asking.question;
  return [
    [span('    '), bold('Why this is asked')],
    ...(threat === undefined ? [] : paragraph(threat, 4, canvas)),
    // It stands in the first line, too.
    ...(brevity < 3 || threat === undefined ? paragraph(`Guide: ${section}.`, 4, canvas, 'quiet') : []),
  ];
}

function drawChoices(
  choices: readonly { readonly value: string; readonly help: string }[],
  panel: QuestionPanel,
  canvas: Canvas,
  brevity: Brevity,
): Line[] {
  const column = Math.max(...choices.map((c) => c.value.length)) + 3;
  const suggested = new Map(panel.asking.suggestions.map((s) => [rawText(s.value), s.because]));
  return choices.flatMap(({ value, help }, i) => {
    const here = i === panel.selected;
    const mark = here ? span(sign('prompt', canvas), 'accent') : span(' ');
    const because = suggested.get(value) ?? origin(value, panel.asking);
    const isExplained = brevity < 2 || (brevity === 2 && here);
    const text = !isExplained ? '' : because === undefined ? help : `${help} (${because})`;
    const head: Span[] = [span('    '), mark, span(' ')];
    const name = here ? bold(value, 'accent') : span(value);
    if (isNarrow(canvas) || text === '')
      return [[...head, name], ...(text === '' ? [] : paragraph(text, 8, canvas, 'quiet'))];
    const [first = [], ...rest] = paragraph(text, 6 + column, canvas, 'quiet');
    return [[...head, name, span(' '.repeat(column - value.length)), ...first.slice(1)], ...rest];
  });
}

/** Why the choice that is highlighted first is; undefined for the others. */
function origin(value: string, { initial }: QuestionPanel['asking']): string | undefined {
  if (initial === undefined || rawText(initial.raw) !== value) return undefined;
  return initial.source === 'default'
    ? 'the default'
    : initial.source === 'prompt'
      ? 'your earlier answer'
      : undefined;
}

function drawInput(panel: QuestionPanel, canvas: Canvas, brevity: Brevity): Line[] {
  const { stage } = panel;
  const isMasked = (stage === 'type' || stage === 'again') && !panel.revealed;
  const lines: Line[] = [];
  if (stage === 'type' && brevity < 2) lines.push(...paragraph('Type or paste it.', 4, canvas));
  if (stage === 'again') lines.push(...paragraph('Enter it once more.', 4, canvas));
  if (stage === 'reference') lines.push(...paragraph('The absolute path of the file.', 4, canvas));
  lines.push(inputLine(panel.input, isMasked, canvas), ...noticeLines(panel, canvas));
  if (stage === 'type')
    return brevity === 3 ? lines : [...lines, blank, ...rules(panel, canvas, brevity === 2)];
  if (stage !== undefined) return lines;
  if (!panel.notice) lines.push(...below(panel, canvas, brevity));
  return brevity < 2 ? [...lines, ...suggestions(panel, canvas)] : lines;
}

/** What is said about the text in the input: what is wrong with it, where it came from, or what could stand there. */
function below(panel: QuestionPanel, canvas: Canvas, brevity: Brevity): Line[] {
  const { asking } = panel;
  const { question, initial } = asking;
  if (textOf(panel.input).trim() === '') {
    if (brevity > 1) return [];
    const example = typeof question.example === 'string' ? question.example : question.example.join(', ');
    const text = `${question.optional ? 'enter leaves it out; ' : ''}for example ${example}`;
    return paragraph(text, 6, canvas, 'quiet');
  }
  if (panel.touched) {
    // A warning while typing is no refusal yet. Its row stays when there is none, so that nothing below jumps.
    const problem = problemOf(panel);
    return problem === undefined ? [blank] : paragraph(problem, 6, canvas, 'open');
  }
  const source = initial?.source;
  if (source === undefined) return [];
  const text =
    source === 'this host'
      ? (asking.suggestions[0]?.because ?? 'seen on this host')
      : source === 'default'
        ? 'the default'
        : source === 'prompt'
          ? 'your earlier answer'
          : `from: ${source}`;
  return paragraph(text, 6, canvas, 'quiet');
}

/** The text with its cursor; the part around the cursor when it is longer than the line. */
export function inputLine(input: TextInput, isMasked: boolean, canvas: Canvas): Line {
  const room = textWidth(canvas) - 8;
  const shown = isMasked ? input.graphemes.map(() => '*') : [...input.graphemes];
  const width = (at: number) => stringWidth(shown[at] ?? ' ');
  // From the cursor to the left, then to the right, so that a long paste costs no more than what is shown of it.
  let left = room - width(input.cursor);
  let from = input.cursor;
  while (from > 0 && width(from - 1) <= left) left -= width(--from);
  let to = Math.min(shown.length, input.cursor + 1);
  while (to < shown.length && width(to) <= left) left -= width(to++);
  const more = canvas.unicode ? '…' : '<';
  return [
    span('    '),
    span(sign('prompt', canvas), 'accent'),
    span(from > 0 ? more : ' '),
    span(shown.slice(from, input.cursor).join('')),
    span(shown[input.cursor] ?? ' ', undefined, { inverse: true }),
    span(shown.slice(input.cursor + 1, to).join('')),
    ...(to < shown.length ? [quiet(canvas.unicode ? '…' : '>')] : []),
  ];
}

/** The rules of a secret, each met or not, while it is typed. */
function rules(panel: QuestionPanel, canvas: Canvas, onlyOpen: boolean): Line[] {
  const text = textOf(panel.input);
  return (panel.asking.question.rules ?? []).flatMap((rule): Line[] => {
    const met = text !== '' && rule.met(text);
    if (met && onlyOpen) return [];
    const mark = met ? span(sign('proved', canvas), 'good') : span(sign('waiting', canvas), 'quiet');
    const [first = [], ...rest] = paragraph(rule.rule, 9, canvas, met ? undefined : 'quiet');
    return [[span('      '), mark, span(' '), ...first.slice(1)], ...rest];
  });
}

function suggestions(panel: QuestionPanel, canvas: Canvas): Line[] {
  const list = suggestionsOf(panel);
  if (list.length === 0) return [];
  const from = Math.max(0, Math.min(panel.selected - MOST + 1, list.length - MOST));
  const width = textWidth(canvas) - 8;
  const column = Math.max(...list.map(({ value }) => stringWidth(clean(rawText(value)))));
  return [
    blank,
    ...list.slice(from, from + MOST).flatMap(({ value, because }, i) => {
      const here = from + i === panel.selected;
      const text = clean(rawText(value));
      const mark = here ? span(sign('prompt', canvas), 'accent') : span(' ');
      const name = here
        ? bold(truncate(text, width, canvas.unicode), 'accent')
        : span(truncate(text, width, canvas.unicode));
      // Reasons stand below each other where the longest value leaves room for them.
      const gap = width - column >= 20 ? column - stringWidth(text) + 3 : 3;
      const rest = width - stringWidth(text) - gap;
      if (isNarrow(canvas) || rest < 12)
        return [
          [span('      '), mark, span(' '), name],
          [span('        '), quiet(truncate(because, width, canvas.unicode))],
        ];
      return [
        [
          span('      '),
          mark,
          span(' '),
          name,
          quiet(' '.repeat(gap) + truncate(because, rest, canvas.unicode)),
        ],
      ];
    }),
  ];
}
