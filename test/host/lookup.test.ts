/** Names are looked up by a process of its own, as the C library has them; when that process is lost, all the same. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { sendHttp } from '../../src/host/http.ts';
import { lookUp } from '../../src/host/lookup.ts';
import { probeTcp, resolveName } from '../../src/host/network.ts';

/** Ends every process that this one has started to look names up. @returns how many */
async function loseAskers(): Promise<number> {
  const children = (await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')).trim();
  let lost = 0;
  for (const pid of children.split(' ').filter(Boolean).map(Number)) {
    // One that has just ended has no command line any more.
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!line.includes("require('node:dns')")) continue;
    process.kill(pid, 'SIGKILL');
    lost += 1;
  }
  return lost;
}

describe('a name', () => {
  it('has the addresses that the hosts file gives it', async () => {
    expect(await resolveName('localhost', 4)).toEqual(['127.0.0.1']);
    expect(await lookUp('localhost', { family: 0 })).toContainEqual({ address: '127.0.0.1', family: 4 });
  });

  it('that is no name is refused with the code of dns.lookup', async () => {
    await expect(lookUp('no such.name', { family: 4 })).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN|EINVAL)$/),
    });
  });

  it('is connected to', async () => {
    const server = createServer((_, response) => response.end('here'));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    try {
      expect(await probeTcp({ host: 'localhost', port })).toBe('open');
      const request = { method: 'GET', origin: `http://localhost:${port}`, path: '/' } as const;
      expect(await sendHttp(request, new AbortController().signal)).toMatchObject({ ok: true, body: 'here' });
    } finally {
      server.close();
    }
  });

  it('is found although the process that looks it up is killed, before it is asked and while it is', async () => {
    await lookUp('localhost', { family: 4 });
    expect(await loseAskers()).toBe(1);
    const names = Array.from({ length: 20 }, () => lookUp('localhost', { family: 4 }));
    await loseAskers();
    expect(await Promise.all(names)).toEqual(names.map(() => [{ address: '127.0.0.1', family: 4 }]));
  });
});
