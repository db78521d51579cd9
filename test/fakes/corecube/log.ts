/** One structured line per event on stdout, the way container platforms collect it. */
export interface Log {
  info(msg: string, fields?: Record<string, unknown>): void;
  warn(msg: string, fields?: Record<string, unknown>): void;
  error(msg: string, fields?: Record<string, unknown>): void;
  /** From now on this text is printed as `***`, wherever it turns up. Texts under six characters are refused. */
  hide(secret: string | undefined): void;
}

/** A log that writes JSON lines through `write`. Hidden texts never reach `write`, in plain or percent-encoded form. */
export function createLog(
  write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
  now: () => Date = () => new Date(),
): Log {
  const hidden = new Set<string>();
  const put = (level: string, msg: string, fields: Record<string, unknown> = {}) => {
    let line = JSON.stringify({ time: now().toISOString(), level, msg, ...fields });
    for (const secret of hidden) line = line.replaceAll(secret, '***');
    write(line);
  };
  return {
    info: (msg, fields) => put('info', msg, fields),
    warn: (msg, fields) => put('warn', msg, fields),
    error: (msg, fields) => put('error', msg, fields),
    hide(secret) {
      if (secret === undefined || secret.length < 6) return;
      for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
        hidden.add(form);
    },
  };
}

/** The message of anything that was thrown; node-postgres' AggregateError has an empty one of its own. */
export function reason(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(reason).join('; ');
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}
