import type { Secret } from './secret.ts';

/** How a file looks, without following a symbolic link. `mode` holds the permission bits only (0o7777). */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
}

/** What a finished command left. Output is text; a non-zero code is a value, not an error. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string | Secret | Uint8Array;
  /** Milliseconds; 15,000 unless told. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A database connection. The password never leaves through argv or the environment. */
export interface SqlConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: Secret;
  /** `verify` checks the chain against `ca` and the name; `encrypt` only encrypts; `plaintext` is for attacks. */
  readonly tls: 'verify' | 'encrypt' | 'plaintext';
  readonly ca?: string;
  readonly serverName?: string;
}

export type SqlResult =
  | { readonly ok: true; readonly rows: readonly Record<string, unknown>[] }
  | {
      readonly ok: false;
      readonly at: 'connect' | 'statement';
      readonly code: string;
      readonly message: string;
    };

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `http:` or `https:` origin, for example `https://service.example.com`. */
  readonly origin: string;
  /** Sent on the wire exactly as given: `//admin` and `/%61dmin` are not normalised. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Secret;
  /** Where to open the connection, instead of resolving the origin's name. */
  readonly connectTo?: { readonly host: string; readonly port: number };
  /** Source address to bind. */
  readonly localAddress?: string;
  /** PEM; when absent and `insecure` is unset, the system's trust store is used. */
  readonly ca?: string;
  readonly insecure?: true;
  /** A GET or HEAD may go over the connection of an earlier one to the same place: dozens of probes pay few handshakes. */
  readonly reuse?: true;
  /** Milliseconds; 10,000 unless told. */
  readonly timeoutMs?: number;
}

/** An answer as it came: header names in lower case, repeated headers kept apart and in order. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** At most 1 MiB. */
  readonly body: string;
  /** The source address the connection really had. */
  readonly localAddress: string;
  readonly remoteAddress: string;
}

export type HttpResult =
  | ({ readonly ok: true } & HttpResponse)
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface TlsRequest {
  readonly host: string;
  readonly port: number;
  readonly serverName?: string;
  readonly min?: TlsVersion;
  readonly max?: TlsVersion;
  readonly ca?: string;
  /** `postgres` sends an SSLRequest first (PostgreSQL protocol 3.0, section 55.2.10). */
  readonly startTls?: 'postgres';
  readonly timeoutMs?: number;
}
export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
export type TlsResult =
  | {
      readonly ok: true;
      readonly protocol: string;
      readonly cipher: string;
      readonly trusted: boolean;
      readonly trustError?: string;
      readonly certificate: {
        readonly subject: string;
        readonly issuer: string;
        readonly names: string;
        readonly validFrom: Date;
        readonly validTo: Date;
        readonly fingerprint256: string;
      };
    }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** A rehearsal: an image started once, without network, without data, with a throw-away /data, then removed. */
export interface RehearsalRequest {
  readonly image: string;
  readonly uid: number;
  /** The host's uid for `uid` on an engine that remaps user ids; the same number unless told. */
  readonly hostUid?: number;
  readonly env: Readonly<Record<string, string>>;
  /** Files handed in read-only, by the path they have inside. */
  readonly files: Readonly<Record<string, string>>;
  /** A directory inside that is writable for `uid` and looked at afterwards. */
  readonly dataDir: string;
  /** Milliseconds after which a still running rehearsal is stopped. */
  readonly deadlineMs: number;
  /** Asked with the log so far; true stops the rehearsal early, because nothing more is to be learned. */
  readonly decided?: (log: string) => boolean;
}
export interface Rehearsal {
  readonly ended: 'exited' | 'stopped';
  readonly code: number;
  /** stdout and stderr, redacted. */
  readonly log: string;
  /** Names of the regular files found in `dataDir` afterwards, with modes. */
  readonly files: readonly { readonly name: string; readonly mode: number }[];
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** For example `nginx (pid 812)`; undefined when the process cannot be seen. */
  readonly holder?: string;
}

/**
 * The eyes of a control: everything here only looks. Relative paths are relative to the install directory.
 * A missing file is `undefined`; every other trouble throws, and the engine turns a throw into `unknown`.
 */
export interface HostReader {
  /** Absolute path of the install directory. */
  readonly dir: string;
  readonly now: () => Date;
  env(name: string): string | undefined;
  readText(path: string): Promise<string | undefined>;
  readSecret(path: string): Promise<Secret | undefined>;
  stat(path: string): Promise<FileStat | undefined>;
  list(path: string): Promise<readonly string[] | undefined>;
  /** The path's own name: every link in it followed, as far as it exists and this user may look. */
  realPath(path: string): Promise<string>;
  /** Runs a command that only looks; anything outside the host's list of looking commands throws. */
  query(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** One transaction, always rolled back: an attack that succeeds leaves nothing. Results in statement order. */
  sql(connection: SqlConnection, statements: readonly SqlStatement[]): Promise<readonly SqlResult[]>;
  http(request: HttpRequest): Promise<HttpResult>;
  tls(request: TlsRequest): Promise<TlsResult>;
  tcp(address: { host: string; port: number; timeoutMs?: number }): Promise<'open' | 'refused' | 'silent'>;
  rehearse(request: RehearsalRequest): Promise<Rehearsal>;
  resolve(name: string, family: 4 | 6): Promise<readonly string[]>;
  /** Addresses of this host, loopback included. */
  addresses(): readonly {
    readonly address: string;
    readonly family: 4 | 6;
    readonly interface: string;
    /** The address with its prefix length, for example `10.0.0.5/24`. */
    readonly cidr?: string;
  }[];
  listeners(): Promise<readonly Listener[]>;
  system(): Promise<{
    readonly uid: number;
    readonly gid: number;
    /** Node's names: `x64`, `arm64`. */
    readonly arch: string;
    /** MiB. */
    readonly memoryMb: number;
    /** MiB free where the install directory is, or would be. */
    readonly diskFreeMb: number;
    /** `/etc/os-release` ID and VERSION_ID, for example `debian 13`. */
    readonly os: string;
  }>;
  /** Looks once per snapshot: controls that run side by side share one look. A rejected look is shared too. */
  once<T>(key: string, look: () => Promise<T>): Promise<T>;
}

export interface SqlStatement {
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** Mode and owner of a file or directory; what is left out stays as it is (new: this user's). */
export interface AccessOptions {
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface WriteOptions extends AccessOptions {
  /** Refuse when the file exists (also a dangling link): O_EXCL from the first byte. */
  readonly exclusive?: true;
  /** False: the old version is not kept, because it holds a password that is being retired. */
  readonly backup?: false;
}

/** The hands, given only to `Change.apply`. */
export interface Host extends HostReader {
  /**
   * Temp file in the same directory with its final mode and owner, fsync, rename, fsync of the directory; the
   * old version goes to the run's backup folder first. Never follows a symbolic link at `path`.
   */
  writeFile(path: string, content: string | Secret | Uint8Array, options: WriteOptions): Promise<void>;
  makeDirectory(path: string, options: AccessOptions): Promise<void>;
  /** Changes mode and owner in place, without following a link. */
  setAccess(path: string, options: AccessOptions): Promise<void>;
  /** Removes the file; a copy goes to the run's backup folder unless `backup` is false (files that hold passwords). */
  removeFile(path: string, options?: { readonly backup?: boolean }): Promise<void>;
  /** Runs a command that changes something. A non-zero code is a value. Lines are passed on redacted. */
  run(
    argv: readonly string[],
    options?: CommandOptions & { onLine?: (line: string) => void },
  ): Promise<CommandResult>;
  /** One transaction, committed when every statement succeeds, else rolled back and thrown. */
  sqlWrite(connection: SqlConnection, statements: readonly SqlStatement[]): Promise<void>;
  randomBytes(length: number): Uint8Array;
  /** Tells the operator what is being waited for. */
  progress(text: string): void;
  readonly signal: AbortSignal;
}

/** Results of looks by a key that says what was looked at; held no longer than the call that looks. */
export type SharedLooks = Map<string, Promise<unknown>>;

/** Makes snapshots for looking and one hand for writing. */
export interface HostSource {
  /** A new pair of eyes: `once` starts empty. */
  snapshot(signal: AbortSignal): HostReader;
  writer(signal: AbortSignal, progress: (text: string) => void): Host;
  readonly journal: Journal;
}

/** Append-only memory of what this tool did; never the truth about the host. */
export interface Journal {
  append(entry: { readonly event: string } & Readonly<Record<string, unknown>>): Promise<void>;
}
