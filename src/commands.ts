/** What the command line knows: commands, the words that may follow them, and the flags that go with each. */

export const COMMANDS = [
  'apply',
  'verify',
  'probe',
  'explain',
  'controls',
  'schedule',
  'schema',
  'example',
] as const;
export type Command = (typeof COMMANDS)[number];

interface FlagSpec {
  readonly type: 'string' | 'boolean';
  readonly multiple?: true;
  readonly short?: string;
  /** Commands that take it; left out: all. */
  readonly with?: readonly Command[];
}

/** Every flag that is no answer. */
export const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
  dir: { type: 'string', with: ['apply', 'verify', 'explain', 'schedule'] },
  answers: { type: 'string', with: ['apply', 'verify', 'explain'] },
  yes: { type: 'boolean', short: 'y', with: ['apply', 'verify'] },
  'dry-run': { type: 'boolean', with: ['apply'] },
  'files-only': { type: 'boolean', with: ['apply'] },
  plain: { type: 'boolean', with: ['apply', 'verify'] },
  verbose: { type: 'boolean', short: 'v', with: ['apply', 'verify', 'probe'] },
  json: { type: 'boolean', with: ['apply', 'verify', 'probe', 'controls'] },
  format: { type: 'string', multiple: true, with: ['verify', 'probe', 'schedule'] },
  skip: { type: 'string', multiple: true, with: ['apply', 'verify'] },
  waivers: { type: 'string', with: ['apply', 'verify', 'explain'] },
  only: { type: 'string', multiple: true, with: ['verify', 'probe', 'controls'] },
  section: { type: 'string', multiple: true, with: ['verify', 'controls'] },
  severity: { type: 'string', with: ['verify', 'controls'] },
  'fail-on': { type: 'string', with: ['verify', 'probe'] },
  'exit-zero': { type: 'boolean', with: ['verify', 'probe'] },
  since: { type: 'string', with: ['verify'] },
  watch: { type: 'string', with: ['verify'] },
  fix: { type: 'boolean', with: ['verify'] },
  evidence: { type: 'boolean', with: ['verify'] },
  'sign-key': { type: 'string', with: ['verify'] },
  signers: { type: 'string', with: ['verify'] },
  expect: { type: 'string', with: ['verify'] },
  inside: { type: 'boolean', with: ['probe'] },
  ca: { type: 'string', with: ['probe'] },
} as const satisfies Readonly<Record<string, FlagSpec>>;
export type FlagName = keyof typeof FLAGS;

/** True when the flag goes with the command. */
export const goesWith = (flag: FlagName, command: Command): boolean => {
  const { with: commands } = FLAGS[flag] as FlagSpec;
  return commands === undefined || commands.includes(command);
};

/** Commands whose answers can be given as flags. */
export const TAKES_ANSWERS: readonly Command[] = ['apply', 'verify', 'explain'];

/** The words that may follow a command: what each is, how many there must be and may be. */
export const OPERANDS: Readonly<
  Record<Command, { readonly name: string; readonly least: number; readonly most: number }>
> = {
  apply: { name: '', least: 0, most: 0 },
  verify: { name: 'DIR', least: 0, most: 64 },
  probe: { name: 'https://HOST', least: 1, most: 1 },
  explain: { name: 'CONTROL', least: 1, most: 64 },
  controls: { name: '', least: 0, most: 0 },
  schedule: { name: 'systemd|cron', least: 1, most: 1 },
  schema: { name: 'answers|report|waivers', least: 0, most: 1 },
  example: { name: 'answers|waivers', least: 0, most: 1 },
};
