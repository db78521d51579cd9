import { readdir, readFile } from 'node:fs/promises';

/** What was seen of other processes while the tool worked: every distinct command line and environment. */
export interface Samples {
  readonly commandLines: ReadonlySet<string>;
  /** Each entry is one whole environment, entries separated by NUL. */
  readonly environments: ReadonlySet<string>;
}

/** Looks at every process of this machine again and again, as `ps` of a curious neighbour would, until stopped. */
export function sampleProcesses(): { stop(): Promise<Samples> } {
  const commandLines = new Set<string>();
  const environments = new Set<string>();
  let stopped = false;
  const loop = (async () => {
    while (!stopped) {
      const pids = (await readdir('/proc')).filter(
        (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
      );
      await Promise.all(
        pids.map(async (pid) => {
          commandLines.add(
            (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' '),
          );
          environments.add(await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''));
        }),
      );
      await new Promise((done) => setTimeout(done, 15));
    }
  })();
  return {
    async stop() {
      stopped = true;
      await loop;
      return { commandLines, environments };
    },
  };
}
