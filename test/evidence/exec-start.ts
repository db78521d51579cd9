/** systemd.service(5), "Command lines", for what our lines hold: quoted words, escapes, doubled % and $. */
export function readExecStart(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) =>
    (match[1] as string)
      .replaceAll(/\\(["\\])/g, '$1')
      .replaceAll('%%', '%')
      .replaceAll('$$', () => '$'),
  );
}
