/** Which process left something behind, and whether it still runs. */
import { readFile } from 'node:fs/promises';

/** Start time of a process in clock ticks since boot (proc(5), field 22): tells a reused pid from the same process. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

/** This process, told from every other one of this host: its pid and its start. */
export const ownIdentity = async (): Promise<string> => `${process.pid} ${await startOf(process.pid)}`;

/** The pid of the process with this identity while it runs; undefined when it is gone, or when that is none. */
export async function livePid(identity: string | undefined): Promise<string | undefined> {
  const [pid, start] = (identity ?? '').split(' ');
  return pid && start !== undefined && (await startOf(Number(pid))) === start ? pid : undefined;
}
