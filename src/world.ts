import type { Problem } from './core/errors.ts';
import type { FileStat, HostSource, SharedLooks } from './core/host.ts';
import type { Product } from './core/product.ts';
import type { EvidenceStore, SignatureCheck, Signer } from './evidence/store.ts';

/** The world outside, handed in by the composition root. */
export interface World {
  readonly product: Product;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** @param what `plain`: what is no plain file is refused; without it a pipe is read to its end, as shells make them for `<(…)` */
  read(path: string, what?: 'plain'): Promise<string>;
  /** Of the path itself, no link followed; undefined when there is nothing. */
  stat(path: string): Promise<FileStat | undefined>;
  /** The directory's own name, links followed as far as the path exists. @param path absolute */
  realPath(path: string): Promise<string>;
  /** Replaces a file as a whole: whoever reads it sees the old text or the new one. */
  writeReport(path: string, text: string): Promise<void>;
  /**
   * @param raw answers known so far, by question
   * @param machine what several installs that are looked at in one call share about the machine
   */
  createHost(
    dir: string,
    isWriting: boolean,
    raw: (id: string) => string | undefined,
    machine?: SharedLooks,
  ): HostSource;
  /** Why an install directory cannot be made or written; undefined when it can. Leaves no trace. @param dir absolute */
  placeProblem(dir: string): Promise<Problem | undefined>;
  /** One writing run per directory, and no traces of a killed one. @returns gives the directory back */
  occupy(dir: string): Promise<() => Promise<void>>;
  /** Where the records of verifies are kept. @param path absolute */
  evidence(path: string): EvidenceStore;
  /** @param key absolute path of an SSH key */
  signer(key: string): Signer;
  /** @param signers absolute path of a list of allowed signers */
  signatureCheck(signers?: string): SignatureCheck;
  /** The command that starts this tool, absolute paths: for schedules. */
  readonly command: readonly [string, ...string[]];
  /** Aborts on a signal; `notice` is called for the first one. */
  cancelOnSignals(notice: () => void): { readonly controller: AbortController; dispose(): void };
}
