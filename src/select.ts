/** A part of all controls: by id, by the beginning of ids, by step, by section of the guide, by severity. */
import { closest } from './answers/names.ts';
import type { Problem } from './core/errors.ts';
import type { Selection, Severity } from './core/report.ts';

/** What was asked for, as given on the command line: each text may be a list with commas. */
export interface Wanted {
  /** `--only`: ids, beginnings of ids with a star (`tls.*`), ids of steps. */
  readonly only: readonly string[];
  /** `--section`: ids or titles of sections of the guide. */
  readonly sections: readonly string[];
  /** `--severity`: exactly this one. */
  readonly severity?: string | undefined;
}

/** The part of a step that is chosen by: the engine's steps, and what is only listed. */
export interface Selectable {
  readonly id: string;
  readonly controls: readonly {
    readonly id: string;
    readonly section: string;
    readonly severity: Severity;
  }[];
}

export interface Selected<S> {
  /** Steps with the controls that are left; a step without any is left out. All of them when nothing was asked for. */
  readonly steps: readonly S[];
  /** Undefined when nothing was asked for: then the run is not a part. */
  readonly selection: Selection | undefined;
  readonly problems: readonly Problem[];
}

const SEVERITIES: readonly Severity[] = ['required', 'advised'];

/**
 * Within one flag each word adds controls; several flags must all agree. A word that fits nothing is a problem, and so
 * is a choice without a single control: a run that looks at nothing would prove it.
 * @param sections titles by id
 */
export function selectControls<S extends Selectable>(
  steps: readonly S[],
  sections: Readonly<Record<string, string>>,
  wanted: Wanted,
): Selected<S> {
  const only = words(wanted.only);
  const asked = words(wanted.sections);
  const problems: Problem[] = [];
  if (wanted.only.length > 0 && only.length === 0) problems.push(empty('--only', 'ids of controls'));
  if (wanted.sections.length > 0 && asked.length === 0)
    problems.push(empty('--section', 'sections of the guide'));

  const all = steps.flatMap((step) => step.controls.map((control) => ({ step, control })));
  const byWord = only.map((word) => {
    const fits = matcher(word);
    const hits = all.filter(({ step, control }) => fits(control.id) || step.id === word.toLowerCase());
    if (hits.length === 0) problems.push(unknownControl(word, steps));
    return hits;
  });
  const chosen = asked.flatMap((word) => {
    const id = sectionId(word, sections);
    if (id === undefined) problems.push(unknownSection(word, sections));
    return id ?? [];
  });
  const severity = SEVERITIES.find((s) => s === wanted.severity?.toLowerCase());
  if (wanted.severity !== undefined && severity === undefined)
    problems.push({
      where: `--severity ${wanted.severity}`,
      seen: 'an unknown severity',
      expected: SEVERITIES.join(' or '),
      fix: suggestion(wanted.severity, SEVERITIES, 'choose one of the two'),
    });
  if (problems.length > 0) return { steps, selection: undefined, problems };
  if (only.length === 0 && chosen.length === 0 && severity === undefined)
    return { steps, selection: undefined, problems };

  const named = new Set(byWord.flat().map(({ control }) => control.id));
  const isChosen = ({ control }: (typeof all)[number]) =>
    (only.length === 0 || named.has(control.id)) &&
    (chosen.length === 0 || chosen.includes(control.section)) &&
    (severity === undefined || control.severity === severity);
  const left = new Set(all.filter(isChosen).map(({ control }) => control.id));
  if (left.size === 0) {
    const flags = [only.length > 0 && '--only', chosen.length > 0 && '--section', severity && '--severity'];
    problems.push({
      where: flags.filter(Boolean).join(' and '),
      seen: 'no control that fits all of them',
      expected: 'at least one',
      fix: 'leave one of the flags out, or see the command controls',
    });
    return { steps, selection: undefined, problems };
  }
  return {
    steps: steps.flatMap((step) => {
      const controls = step.controls.filter((c) => left.has(c.id));
      return controls.length === 0 ? [] : [{ ...step, controls }];
    }),
    selection: {
      only,
      sections: [...new Set(chosen)],
      ...(severity === undefined ? {} : { severity }),
      looked: left.size,
      of: all.length,
    },
    problems,
  };
}

const words = (given: readonly string[]): string[] =>
  given.flatMap((text) => text.split(',')).flatMap((word) => word.trim() || []);

/** Whether an id is meant by a word; a star stands for any rest and at the end only. */
function matcher(word: string): (id: string) => boolean {
  const low = word.toLowerCase();
  if (!low.endsWith('*')) return (id) => id === low;
  const beginning = low.slice(0, -1);
  return (id) => !beginning.includes('*') && id.startsWith(beginning);
}

const empty = (where: string, expected: string): Problem => ({
  where,
  seen: 'no word',
  expected,
  fix: 'see the command controls',
});

const suggestion = (word: string, known: readonly string[], otherwise: string): string => {
  const near = closest(word, known);
  return near === undefined ? otherwise : `did you mean ${near}`;
};

/** A word that means no control, with the closest of what there is: an id, a step, or an area with its star. */
function unknownControl(word: string, steps: readonly Selectable[]): Problem {
  const ids = steps.flatMap((step) => step.controls.map((c) => c.id));
  const areas = [...new Set(ids.map((id) => `${id.split('.')[0]}.*`))];
  const known = word.includes('*') ? areas : [...ids, ...steps.map((step) => step.id)];
  const star = word.slice(0, -1).includes('*');
  const area = areas.find((known) => known === `${word.toLowerCase()}.*`);
  return {
    where: `--only ${word}`,
    seen: star ? 'a star that is not at the end' : 'no control of this name',
    expected: 'the id of a control or step, or its beginning with a star, such as tls.*',
    fix: area === undefined ? suggestion(word, known, 'see the command controls') : `did you mean ${area}`,
  };
}

/** Titles are typed as people read them: case and punctuation do not count. */
const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

function sectionId(word: string, sections: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(sections);
  return entries.find(([id, title]) => plain(id) === plain(word) || plain(title) === plain(word))?.[0];
}

function unknownSection(word: string, sections: Readonly<Record<string, string>>): Problem {
  const known = [...Object.keys(sections), ...Object.values(sections)];
  return {
    where: `--section ${word}`,
    seen: 'no section of this name',
    expected: Object.keys(sections).join(', '),
    fix: suggestion(word, known, 'see the command controls'),
  };
}
