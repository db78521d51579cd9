/** The options that the bundled PostgreSQL must be started with: on its command line nothing in the data volume outdoes them. */

/** Option -> values that are good (guide, PostgreSQL security; PostgreSQL 19.3.3 and 19.9). */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  ssl: ['on'],
  ssl_cert_file: ['/run/secrets/pg_server.crt'],
  ssl_key_file: ['/run/secrets/pg_server.key'],
  ssl_min_protocol_version: ['TLSv1.2', 'TLSv1.3'],
  // Forward secrecy and authenticated encryption only (RFC 9325, section 4.2); TLS 1.3 brings its own suites.
  ssl_ciphers: ['ECDHE+AESGCM:ECDHE+CHACHA20'],
  password_encryption: ['scram-sha-256'],
  // CIS PostgreSQL 3.1.20, 3.1.21 and 3.1.24: who connected, as whom, from where, for how long.
  log_connections: ['on'],
  log_disconnections: ['on'],
  log_replication_commands: ['on'],
  log_line_prefix: ['%m [%p] db=%d,user=%u,app=%a,client=%h'],
  // Statements hold what people ask; sessions are told at the level LOG, to the log of the container (19.8).
  log_statement: ['none'],
  log_min_duration_statement: ['-1'],
  log_min_messages: ['debug5', 'debug1', 'info', 'notice', 'warning', 'error', 'log'],
  log_destination: ['stderr'],
  logging_collector: ['off'],
  hba_file: ['/etc/postgresql/custom/pg_hba.conf'],
};

/** Settings that put what people ask, or the password of a role, into the log; good is what PostgreSQL begins with. */
export const STATEMENTS_LOGGED: Readonly<Record<string, string>> = {
  log_statement: 'none',
  log_min_duration_statement: '-1',
  log_min_duration_sample: '-1',
  log_transaction_sample_rate: '0',
  // What was bound to a statement that failed: questions, names, passwords.
  log_parameter_max_length_on_error: '0',
  debug_print_parse: 'off',
  debug_print_rewritten: 'off',
  debug_print_plan: 'off',
};

/** Options of a command line: `-c name=value`, `-cname=value` and `--name=value`; the last one counts. Names are folded. */
export function serverOptions(command: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [index, word] of command.entries()) {
    const text =
      word === '-c' ? command[index + 1] : word.startsWith('--') ? word.slice(2) : /^-c(.+)$/.exec(word)?.[1];
    const [name = '', value] = (text ?? '').split(/=(.*)/s, 2);
    if (value !== undefined) found.set(name.trim().toLowerCase().replaceAll('-', '_'), value.trim());
  }
  return found;
}

/** What the declared command line of the database lacks or says otherwise, each as one sentence. */
export function serverOptionProblems(command: readonly string[] | null | undefined): readonly string[] {
  const options = serverOptions(command ?? []);
  const bad = (name: string, good: readonly string[], whenAbsent: boolean) => {
    const value = options.get(name);
    if (value === undefined ? !whenAbsent : good.includes(value)) return [];
    return [`the database is started with ${name}=${value ?? '(not set)'} instead of ${good.join(' or ')}`];
  };
  return [
    ...Object.entries(REQUIRED).flatMap(([name, good]) => bad(name, good, true)),
    ...Object.entries(STATEMENTS_LOGGED).flatMap(([name, good]) => bad(name, [good], false)),
  ];
}
