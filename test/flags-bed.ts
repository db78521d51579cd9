/** A world without a host: a toy install whose switch can be turned on, and an account of every flag that is read. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { type Arguments, readArguments } from '../src/args.ts';
import type { ExitCode } from '../src/core/errors.ts';
import type { HostSource } from '../src/core/host.ts';
import type { Product } from '../src/core/product.ts';
import { type AnyStep, type Control, fail, pass } from '../src/core/step.ts';
import { deploy } from '../src/deploy.ts';
import { explain } from '../src/explain-command.ts';
import { fileEvidence } from '../src/host/evidence-store.ts';
import { probe } from '../src/probe.ts';
import { controlsText, exampleText, scheduleFor, schemaText } from '../src/texts.ts';
import { verify } from '../src/verify.ts';
import type { World } from '../src/world.ts';
import { product } from '../steps/index.ts';
import { blindHost } from './fakes/blind-host.ts';

/** What holds in the toy install, and what its repair costs. */
export interface Toy {
  /** A required control: is it on? */
  on: boolean;
  /** An advised one. */
  tidy: boolean;
  /** What turning it on interrupts. */
  disrupts?: string;
  /** Turning it on fails. */
  stuck?: boolean;
  /** The disk takes nothing that is written to keep it. */
  full?: boolean;
  /** What is on goes off again right after the repair has looked. */
  relapses?: boolean;
}

function toyStep(toy: Toy): AnyStep {
  const control = (id: string, severity: Control['severity'], holds: () => boolean): Control<never> => ({
    id,
    title: `It is so (${id})`,
    severity,
    section: 'operation',
    how: 'It looks.',
    threat: 'It is not so.',
    remedy: 'Turn it on.',
    impact: 'None.',
    inspect: async () => (holds() ? pass('on') : fail('off', 'on')),
  });
  return {
    id: 'toy',
    title: 'Toy',
    why: 'It must be on.',
    needs: [],
    controls: [control('toy.on', 'required', () => toy.on), control('toy.tidy', 'advised', () => toy.tidy)],
    plan: async ({ failing }) =>
      [...failing].map((id) => ({
        id: `${id}-up`,
        summary: `turn ${id} up`,
        ...(toy.disrupts === undefined ? {} : { disrupts: toy.disrupts }),
        apply: async () => {
          if (toy.stuck) throw new Error('the switch is stuck');
          if (id === 'toy.on') toy.on = true;
          else toy.tidy = true;
        },
      })),
  };
}

/** The toy's host: nothing of it can be seen, and what is written goes nowhere. */
function toyHost(toy: Toy): HostSource {
  const blind = blindHost();
  return {
    ...blind,
    journal: {
      append: async ({ event, ...rest }) => {
        if (event === 'run-end' && rest.mode === 'apply' && toy.relapses) toy.on = false;
      },
    },
    writer: (signal, progress) => ({
      ...blind.writer(signal, progress),
      readText: async () => undefined,
      stat: async () => undefined,
      realPath: async (path) => path,
      writeFile: async () => {
        // As write(2) of a file that is open: without a path.
        if (toy.full)
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
            code: 'ENOSPC',
            syscall: 'write',
          });
      },
    }),
  };
}

export interface Ran {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  /** Texts of the files that reports were written to. */
  readonly files: ReadonlyMap<string, string>;
  /** Flags whose value was read. */
  readonly read: ReadonlySet<string>;
}

/** Arguments that note which of them are read. */
function watched(args: Arguments, read: Set<string>): Arguments {
  const note =
    <T>(get: (flag: never) => T) =>
    (flag: never) => {
      read.add(flag);
      return get(flag);
    };
  return {
    ...args,
    // The mode is read from the flag that makes it.
    get mode() {
      for (const word of args.mode.split(' --').slice(1)) read.add(word);
      return args.mode;
    },
    on: note(args.on as (flag: never) => boolean),
    text: note(args.text as (flag: never) => string | undefined),
    list: note(args.list as (flag: never) => readonly string[]),
    values: note(args.values as (flag: never) => readonly string[]),
    raw: new Proxy(args.raw, {
      get(all, name, self) {
        if (typeof name === 'string') read.add(name);
        return Reflect.get(all, name, self);
      },
    }),
  };
}

export class FlagsBed {
  readonly dir: string;
  constructor(dir: string) {
    this.dir = dir;
  }
  static async create(): Promise<FlagsBed> {
    const base = await mkdtemp(join(tmpdir(), 'flags-'));
    await mkdir(join(base, 'install', dirname(product.paths.evidence)), { recursive: true });
    return new FlagsBed(base);
  }
  remove = () => rm(this.dir, { recursive: true, force: true });

  /** The kept records, oldest first. */
  async records(): Promise<readonly { exit: number; verdict: string; policy?: unknown }[]> {
    const text = await readFile(join(this.dir, 'install', product.paths.evidence), 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  /** Reads a command line as the tool does. */
  args = (argv: readonly string[]): Arguments =>
    readArguments(argv, product.questions, product.outside.questions);

  /** Runs it. @param isTTY whether its output goes to a terminal @throws {UsageError} */
  async run(argv: readonly string[], toy: Toy = { on: true, tidy: true }, isTTY = false): Promise<Ran> {
    const read = new Set<string>();
    const files = new Map<string, string>();
    const cancel = new AbortController();
    let stdout = '';
    let stderr = '';
    const stream = (take: (text: string) => void) => {
      const write = (chunk: unknown, _: unknown, done: () => void) => {
        take(String(chunk));
        // A watch has looked once, and told it: that is enough.
        if (argv.includes('--watch')) cancel.abort();
        done();
      };
      return Object.assign(new Writable({ write }), { isTTY }) as unknown as NodeJS.WriteStream;
    };
    const world: World = {
      product: { ...(product as Product), steps: [toyStep(toy)], defaultDir: join(this.dir, 'install') },
      env: { LANG: 'C.UTF-8' },
      stdin: { isTTY: false } as NodeJS.ReadStream,
      stdout: stream((text) => {
        stdout += text;
      }),
      stderr: stream((text) => {
        stderr += text;
      }),
      async read(path) {
        if (path === '/answers.yaml' || path === join(world.product.defaultDir, product.paths.answers))
          return 'domain: app.example\n';
        if (path === '/waivers.yaml') return '[]\n';
        throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
      },
      stat: async () => undefined,
      realPath: async (path) => path,
      async writeReport(path, text) {
        if (path.startsWith('/nowhere/'))
          throw Object.assign(new Error('no such directory'), { code: 'ENOENT' });
        files.set(path, text);
      },
      createHost: () => toyHost(toy),
      placeProblem: async () => undefined,
      occupy: async () => async () => {},
      evidence: (path) => fileEvidence(path),
      signer: () => ({ sign: async () => ({ ok: false, because: 'there is no such key' }) }),
      signatureCheck: () => ({
        hasSigners: true,
        check: async () => ({ is: 'unknown', because: 'no signature' }) as never,
      }),
      command: ['/usr/bin/node', '/usr/lib/tool/bin.cjs'],
      cancelOnSignals: () => ({ controller: cancel, dispose: () => {} }),
    };
    const args = watched(this.args(argv), read);
    const print = (text: string): ExitCode => {
      stdout += text;
      return 0;
    };
    const go = async (): Promise<ExitCode> => {
      switch (args.command) {
        case 'schema':
          return print(schemaText(args.operands[0] ?? 'answers', world.product));
        case 'example':
          return print(exampleText(args.operands[0] ?? 'answers', world.product));
        case 'controls':
          return print(controlsText(args, world.product));
        case 'schedule':
          return print(scheduleFor(args, world));
        case 'explain':
          return explain(args, world);
        case 'probe':
          return probe(args, world);
        case 'verify':
          return verify(args, world);
        default:
          return deploy(args, world);
      }
    };
    const code = await go();
    return { code, stdout, stderr, files, read };
  }
}
