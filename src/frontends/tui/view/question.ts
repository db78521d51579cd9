import stringWidth from 'string-width';
import { choicesOf, problemOf, type QuestionPanel, rawText } from '../model/question.ts';
import { type TextInput, textOf } from '../model/text-input.ts';
import {
  blank,
  bold,
  type Canvas,
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

/** The open question. `sections`: titles of the guide's sections by id. */
export function drawQuestion(
  panel: QuestionPanel,
  canvas: Canvas,
  sections: Readonly<Record<string, string>>,
): Line[] {
  const { asking } = panel;
  const { question } = asking;
  const section = sections[question.section] ?? question.section;
  const lines: Line[] = [
    ...spread(
      [span('  '), span(sign('here', canvas), 'accent'), span(' '), bold(section)],
      [quiet(asking.total > 1 ? `question ${asking.index} of ${asking.total}` : 'question')],
      canvas,
    ),
    blank,
    ...paragraph(question.title, 4, canvas),
    // The choices explain themselves where they can.
    ...(question.choiceHelp || question.kind === 'secret'
      ? []
      : paragraph(question.help, 4, canvas, 'quiet')),
    blank,
  ];
  const choices = choicesOf(asking, panel.stage);
  if (choices) lines.push(...drawChoices(choices, panel, canvas));
  else lines.push(...drawInput(panel, canvas));
  if (panel.notice) {
    const tone = panel.notice.is === 'refused' ? 'bad' : 'open';
    lines.push(...paragraph(panel.notice.text, 6, canvas, tone));
  }
  if (panel.showWhy) lines.push(blank, ...why(panel, section, canvas));
  return lines;
}

function why(panel: QuestionPanel, section: string, canvas: Canvas): Line[] {
  const { threat } = panel.asking.question;
  return [
    [span('    '), bold('Why this is asked')],
    ...(threat === undefined ? [] : paragraph(threat, 4, canvas)),
    ...paragraph(`Guide: ${section}.`, 4, canvas, 'quiet'),
  ];
}

function drawChoices(
  choices: readonly { readonly value: string; readonly help: string }[],
  panel: QuestionPanel,
  canvas: Canvas,
): Line[] {
  const column = Math.max(...choices.map((c) => c.value.length)) + 3;
  const suggested = new Map(panel.asking.suggestions.map((s) => [rawText(s.value), s.because]));
  return choices.flatMap(({ value, help }, i) => {
    const here = i === panel.selected;
    const mark = here ? span(sign('prompt', canvas), 'accent') : span(' ');
    const because = suggested.get(value);
    const text = because === undefined ? help : `${help} (${because})`;
    const head: Span[] = [span('    '), mark, span(' ')];
    const name = here ? bold(value, 'accent') : span(value);
    if (isNarrow(canvas) || text === '')
      return [[...head, name], ...(text === '' ? [] : paragraph(text, 8, canvas, 'quiet'))];
    const [first = [], ...rest] = paragraph(text, 6 + column, canvas, 'quiet');
    return [[...head, name, span(' '.repeat(column - value.length)), ...first.slice(1)], ...rest];
  });
}

function drawInput(panel: QuestionPanel, canvas: Canvas): Line[] {
  const { asking, stage } = panel;
  const isMasked = (stage === 'type' || stage === 'again') && !panel.revealed;
  const lines: Line[] = [];
  if (stage === 'again') lines.push(...paragraph('Enter it once more.', 4, canvas));
  if (stage === 'reference') lines.push(...paragraph('The absolute path of the file.', 4, canvas));
  lines.push(inputLine(panel.input, isMasked, canvas));
  if (stage === 'type') return [...lines, blank, ...rules(panel, canvas)];
  if (stage !== undefined) return lines;
  const source = asking.initial?.source;
  if (!panel.touched && source !== undefined && textOf(panel.input) !== '') {
    const first = asking.suggestions[0]?.because ?? 'seen on this host';
    const text =
      source === 'this host'
        ? first
        : source === 'default'
          ? 'the default'
          : source === 'prompt'
            ? 'your earlier answer'
            : `from: ${source}`;
    lines.push(...paragraph(text, 6, canvas, 'quiet'));
  } else if (panel.touched && !panel.notice) {
    // A warning while typing is no refusal yet.
    const problem = textOf(panel.input).trim() === '' ? undefined : problemOf(panel);
    lines.push(...(problem === undefined ? [blank] : paragraph(problem, 6, canvas, 'open')));
  }
  return [...lines, ...suggestions(panel, canvas)];
}

/** The text with its cursor; the part around the cursor when it is longer than the line. */
export function inputLine(input: TextInput, isMasked: boolean, canvas: Canvas): Line {
  const room = textWidth(canvas) - 8;
  const shown = isMasked ? input.graphemes.map(() => '*') : [...input.graphemes];
  const width = (from: number, to: number) => stringWidth(shown.slice(from, to).join(''));
  let from = 0;
  while (from < input.cursor && width(from, input.cursor + 1) > room) from += 1;
  let to = shown.length;
  while (to > input.cursor && width(from, to) > room) to -= 1;
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
function rules(panel: QuestionPanel, canvas: Canvas): Line[] {
  const text = textOf(panel.input);
  return (panel.asking.question.rules ?? []).map((rule) => {
    const met = text !== '' && rule.met(text);
    const mark = met ? span(sign('proved', canvas), 'good') : span(sign('waiting', canvas), 'quiet');
    return [span('      '), mark, span(' '), met ? span(rule.rule) : quiet(rule.rule)];
  });
}

function suggestions(panel: QuestionPanel, canvas: Canvas): Line[] {
  const now = textOf(panel.input);
  const all = panel.asking.suggestions;
  // What stands in the input already is no news.
  const list = all.length === 1 && rawText(all[0]?.value ?? '') === now ? [] : all;
  if (list.length === 0) return [];
  const from = Math.max(0, Math.min(panel.selected - MOST + 1, list.length - MOST));
  const width = textWidth(canvas) - 8;
  return [
    blank,
    ...list.slice(from, from + MOST).flatMap(({ value, because }, i) => {
      const here = from + i === panel.selected;
      const text = rawText(value);
      const mark = here ? span(sign('prompt', canvas), 'accent') : span(' ');
      const name = here
        ? bold(truncate(text, width, canvas.unicode), 'accent')
        : span(truncate(text, width, canvas.unicode));
      const rest = width - stringWidth(text) - 3;
      if (isNarrow(canvas) || rest < 12)
        return [
          [span('      '), mark, span(' '), name],
          [span('        '), quiet(truncate(because, width, canvas.unicode))],
        ];
      return [
        [span('      '), mark, span(' '), name, quiet(`   ${truncate(because, rest, canvas.unicode)}`)],
      ];
    }),
  ];
}
