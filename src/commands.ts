/** What the command line knows: commands, their modes, the words that may follow, and which flags go with which mode. */

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

/** What a command line does: a command alone, or with the flag that makes something else of it. */
interface ModeSpec {
  readonly command: Command;
  readonly flag?: string;
  /** Answers can be given as flags; `outside`: those of the product's probe only. */
  readonly answers: 'all' | 'outside' | 'none';
}

/** Every mode. Of a command's modes the first whose flag was given is meant; the flag of another one does not fit then. */
export const MODES = {
  apply: { command: 'apply', answers: 'all' },
  'apply --dry-run': { command: 'apply', flag: 'dry-run', answers: 'all' },
  'apply --files-only': { command: 'apply', flag: 'files-only', answers: 'all' },
  verify: { command: 'verify', answers: 'all' },
  'verify --evidence': { command: 'verify', flag: 'evidence', answers: 'none' },
  'verify --fix': { command: 'verify', flag: 'fix', answers: 'all' },
  'verify --watch': { command: 'verify', flag: 'watch', answers: 'all' },
  probe: { command: 'probe', answers: 'outside' },
  explain: { command: 'explain', answers: 'all' },
  controls: { command: 'controls', answers: 'none' },
  schedule: { command: 'schedule', answers: 'none' },
  schema: { command: 'schema', answers: 'none' },
  example: { command: 'example', answers: 'none' },
} as const satisfies Readonly<Record<string, ModeSpec>>;
export type ModeName = keyof typeof MODES;

/** The mode of a command line. @param given names of the flags that were given */
export function modeOf(command: Command, given: ReadonlySet<string>): ModeName {
  const own = (Object.entries(MODES) as [ModeName, ModeSpec][]).filter(([, m]) => m.command === command);
  const [name] = own.find(([, m]) => m.flag !== undefined && given.has(m.flag)) ?? own[0] ?? [];
  if (name === undefined) throw new Error(`the command ${command} has no mode`);
  return name;
}

interface FlagSpec {
  readonly type: 'string' | 'boolean';
  readonly multiple?: true;
  readonly short?: string;
  /** What to write after it, for who left it out. */
  readonly value?: string;
  /** Modes in which it does something; left out: all. It is refused in every other one. */
  readonly with?: readonly ModeName[];
  /** Where it is refused although somebody may well expect it: what to do instead. */
  readonly instead?: Partial<Readonly<Record<ModeName, string>>>;
}

const APPLY = ['apply', 'apply --dry-run', 'apply --files-only'] as const;
/** Modes that look at an install and tell its state. */
const LOOK = ['verify', 'verify --fix', 'verify --watch'] as const;
const RUN = [...APPLY, ...LOOK] as const;
const PART =
  'a change may rest on any control, so a repair looks at all of them: look at the part with verify, repair with verify --fix';
const EVIDENCE = 'the evidence is proved as it was kept: leave it out';
const WATCH_TELLS = 'a watch tells by itself what changed since its last look: leave it out';

/** Flags that leave controls out. */
const SELECTION = {
  with: ['verify', 'verify --watch', 'controls'],
  instead: { 'verify --fix': PART, 'verify --evidence': EVIDENCE },
} as const;

/** Every flag that is no answer. One that a mode does not read is refused there: taken silently, it would promise. */
export const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
  dir: { type: 'string', value: 'DIR', with: [...RUN, 'verify --evidence', 'explain', 'schedule'] },
  answers: { type: 'string', value: 'FILE', with: [...RUN, 'explain'] },
  yes: {
    type: 'boolean',
    short: 'y',
    with: [...APPLY, 'verify --fix'],
    instead: { verify: 'a verify changes nothing: add --fix to repair, or leave it out' },
  },
  'dry-run': {
    type: 'boolean',
    with: ['apply --dry-run'],
    instead: {
      verify: 'a verify changes nothing: leave it out',
      'verify --fix': 'without --yes, verify --fix shows what needs your consent and does not make it',
    },
  },
  'files-only': {
    type: 'boolean',
    with: ['apply --files-only'],
    instead: { 'apply --dry-run': 'a dry run shows every change: leave one of the two out' },
  },
  plain: { type: 'boolean', with: [...APPLY, 'verify', 'verify --fix', 'probe'] },
  verbose: {
    type: 'boolean',
    short: 'v',
    with: [...APPLY, 'verify', 'verify --fix', 'probe'],
    instead: { 'verify --watch': WATCH_TELLS },
  },
  json: { type: 'boolean', with: [...RUN, 'verify --evidence', 'probe', 'controls'] },
  format: {
    type: 'string',
    value: 'NAME or NAME=FILE',
    multiple: true,
    with: [...LOOK, 'probe', 'schedule'],
    instead: {
      apply: 'an apply keeps its report in the install; for another format run verify --format after it',
      'verify --evidence': 'the proof of the evidence is text, or JSON with --json',
    },
  },
  skip: {
    type: 'string',
    value: 'CONTROL',
    multiple: true,
    with: RUN,
    instead: { 'verify --evidence': EVIDENCE },
  },
  waivers: {
    type: 'string',
    value: 'FILE',
    with: [...RUN, 'explain'],
    instead: { 'verify --evidence': EVIDENCE },
  },
  only: {
    type: 'string',
    value: 'CONTROL',
    multiple: true,
    ...SELECTION,
  },
  section: {
    type: 'string',
    value: 'NAME',
    multiple: true,
    ...SELECTION,
  },
  severity: {
    type: 'string',
    value: 'required',
    ...SELECTION,
  },
  'fail-on': { type: 'string', value: 'advised', with: [...LOOK, 'probe'] },
  'exit-zero': {
    type: 'boolean',
    with: ['verify', 'verify --fix', 'probe'],
    instead: { 'verify --watch': 'a watch ends only when it is cancelled, with 130: leave it out' },
  },
  since: {
    type: 'string',
    value: 'last',
    with: ['verify', 'verify --fix'],
    instead: { 'verify --watch': WATCH_TELLS },
  },
  watch: {
    type: 'string',
    value: '5m',
    with: ['verify --watch'],
    instead: {
      'verify --fix': 'a watch only looks: leave one of the two out',
      'verify --evidence': 'the evidence is proved once: leave one of the two out',
    },
  },
  fix: {
    type: 'boolean',
    with: ['verify --fix'],
    instead: { 'verify --evidence': 'evidence is proved, never repaired: leave one of the two out' },
  },
  evidence: { type: 'boolean', with: ['verify --evidence'] },
  'sign-key': {
    type: 'string',
    value: 'FILE',
    with: LOOK,
    instead: { 'verify --evidence': 'who signed is checked against a list: --signers FILE' },
  },
  signers: {
    type: 'string',
    value: 'FILE',
    with: ['verify --evidence'],
    instead: { verify: 'it is for the proof of what was kept: add --evidence' },
  },
  expect: {
    type: 'string',
    value: 'HASH',
    with: ['verify --evidence'],
    instead: { verify: 'it is for the proof of what was kept: add --evidence' },
  },
  inside: { type: 'boolean', with: ['probe'] },
  ca: { type: 'string', value: 'FILE', with: ['probe'] },
} as const satisfies Readonly<Record<string, FlagSpec>>;
export type FlagName = keyof typeof FLAGS;

/** What may be written after the flag, for messages. */
export const valueAfter = (flag: FlagName): string => (FLAGS[flag] as FlagSpec).value ?? 'VALUE';

/** True when the flag does something in the mode. */
export const goesWith = (flag: FlagName, mode: ModeName): boolean => {
  const { with: modes } = FLAGS[flag] as FlagSpec;
  return modes === undefined || modes.includes(mode);
};

/** What to do instead of giving the flag in a mode that it does not go with. */
export const insteadOf = (flag: FlagName, mode: ModeName): string =>
  (FLAGS[flag] as FlagSpec).instead?.[mode] ?? 'leave it out';

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
  schema: { name: 'answers|waivers|report', least: 0, most: 1 },
  example: { name: 'answers|waivers', least: 0, most: 1 },
};
