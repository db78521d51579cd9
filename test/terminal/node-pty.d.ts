/**
 * The native part of node-pty. Its own terminal class closes our end of the line soon after the program ended, before
 * anybody could look at how the program left it; so `pty.ts` manages the line itself.
 */
declare module '@lydell/node-pty/requireBinary.js' {
  interface Native {
    /** Forks and executes `file` as the leader of a session of its own on a new pseudo terminal. */
    fork(
      file: string,
      args: readonly string[],
      env: readonly string[],
      cwd: string,
      columns: number,
      rows: number,
      uid: number,
      gid: number,
      utf8: boolean,
      helperPath: string,
      onExit: (exitCode: number, signal: number) => void,
    ): { readonly fd: number; readonly pid: number; readonly pty: string };
    /** Sets the window size; the foreground process group gets SIGWINCH. */
    resize(fd: number, columns: number, rows: number): void;
  }
  export function requireBinary(file: 'pty.node'): Native;
}
