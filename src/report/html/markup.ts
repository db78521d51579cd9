/** A piece of HTML that is safe to put into a page: made by `html` only. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Markup | readonly Value[] | undefined | false;

/** HTML from a template: every value but `Markup` is escaped, for text and for quoted attributes alike. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(parts.map((part, i) => part + toText(values[i])).join(''));
}

function toText(value: Value): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(toText).join('');
  return escapeHtml(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);

/** A text as a quoted CSS string; no text can end the string or the style sheet (CSS Syntax 3, 4.3.7). */
export const cssString = (text: string): string =>
  `"${text.replace(/[^A-Za-z0-9 ]/gu, (c) => `\\${c.codePointAt(0)?.toString(16)} `)}"`;

/** What the host said: isolated, so that its writing direction cannot reorder what stands around it. */
export const said = (text: string): Markup => html`<bdi>${text}</bdi>`;

/** A heading of a level from 1 to 6; deeper ones are 6. */
export function heading(level: number, content: Markup | string, id?: string): Markup {
  const tag = new Markup(`h${Math.min(6, level)}`);
  return id === undefined ? html`<${tag}>${content}</${tag}>` : html`<${tag} id="${id}">${content}</${tag}>`;
}

/** A duration in milliseconds for people: `3 ms`, `1.9 s`, `4 min 12 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** `2026-11-26 10:50:57 UTC`. */
export const moment = (iso: string): Markup =>
  html`<time datetime="${iso}">${iso.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')}</time>`;
