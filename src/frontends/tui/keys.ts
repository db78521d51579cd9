/** A key press or a paste, by one name: `a`, `enter`, `escape`, `up`, `ctrl+c`, `paste`. */
export interface Key {
  readonly name: string;
  /** The printable text it stands for, or the pasted text; empty for keys that write nothing. */
  readonly text: string;
}

/** The part of Node's keypress event that is read. */
export interface Keypress {
  readonly name?: string | undefined;
  readonly sequence?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly shift?: boolean;
}

const RENAMED: Readonly<Record<string, string>> = { return: 'enter', linefeed: 'enter', space: ' ' };

/** Names Node's keypress event. Keys that we do not know have an empty text, so nothing strange is ever inserted. */
export function keyOf(text: string | undefined, press: Keypress): Key {
  const raw = press.name ?? '';
  // Escape and then Ctrl+C at once arrive as one unknown sequence; stopping must always work.
  if (press.sequence === '\u001b\u0003') return { name: 'ctrl+c', text: '' };
  if (press.ctrl && raw !== '') return { name: `ctrl+${raw}`, text: '' };
  if (press.meta && raw !== '' && raw !== 'escape') return { name: `alt+${raw}`, text: '' };
  if (text === ' ') return { name: ' ', text };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what writes nothing is told from what does
  const printable = text !== undefined && text !== '' && !/[\u0000-\u001f\u007f-\u009f]/.test(text);
  if (printable) return { name: text, text };
  return { name: RENAMED[raw] ?? raw, text: '' };
}

/** One key that does something now. The hint bar is drawn from these, so what it says is what works. */
export interface Binding<Verb extends string = string> {
  /** Key names that trigger it; the first one is shown. */
  readonly keys: readonly string[];
  readonly verb: Verb;
  /** What the hint bar says; absent: works, but is not shown. */
  readonly hint?: string;
  /** Shown on a narrow screen, too. */
  readonly important?: true;
}

/** What a key does under the given bindings. */
export const verbOf = <Verb extends string>(bindings: readonly Binding<Verb>[], key: Key): Verb | undefined =>
  bindings.find((binding) => binding.keys.includes(key.name))?.verb;
