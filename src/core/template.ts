const PLACEHOLDER = /\{\{([A-Z][A-Z0-9_]*)\}\}/g;

/**
 * Fills `{{NAME}}` placeholders. Strict both ways: a placeholder without a value and a value without a
 * placeholder throw, and so does a value that itself holds a placeholder or a control character.
 * Values must come from a question's parser, which is the injection guard.
 */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  const used = new Set<string>();
  for (const [name, value] of Object.entries(values)) {
    if (value.includes('{{')) throw new Error(`template value ${name} holds a placeholder`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(value))
      throw new Error(`template value ${name} holds a control character`);
  }
  const out = template.replace(PLACEHOLDER, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`template placeholder ${name} has no value`);
    used.add(name);
    return value;
  });
  const unused = Object.keys(values).filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`template has no placeholder for ${unused.join(', ')}`);
  return out;
}
