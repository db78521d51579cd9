import type { Finding, Report } from '../../core/report.ts';
import type { ReportContext } from '../formats.ts';
import { STATES, stateOf } from '../state.ts';
import { html, type Markup } from './markup.ts';

/** One install of a page. */
export interface Part {
  readonly report: Report;
  readonly context: ReportContext;
  /** Level of the headings of its sections. */
  readonly level: number;
  /** Beginning of its element ids. */
  readonly id: string;
}

/** A state as glyph and word: the colour only repeats them. */
export function badge(finding: Finding): Markup {
  const state = stateOf(finding);
  return html`<span class="state ${state}"><span aria-hidden="true">${STATES[state].glyph}</span> ${STATES[state].word}</span>`;
}

/** Id of the element of a control's row. */
export const rowId = (part: Part, finding: Finding): string =>
  `${part.id}c-${finding.control.replace(/\s/g, '-')}`;

/** A list of terms; those without a text are left out. */
export const terms = (rows: readonly (readonly [string, Markup | string | undefined])[]): Markup =>
  html`<dl>${rows.map(([label, value]) => value !== undefined && value !== '' && html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;

/** Names of a section: its heading, and on a page of several installs the install's, so that no two are called the same. */
export const labels = ({ id }: Part, section: string): string =>
  id === '' ? section : `${id}top ${id}${section}`;
