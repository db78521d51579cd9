/** The outside view on real sockets: an install looked at from other machines, over both families, and from itself. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/core/report.ts';
import { outsideControls } from '../../steps/outside-view/controls.ts';
import { type BedHost, createHost, type Place, startAcme } from '../bed/index.ts';
import { bundleProgram } from '../frontends/bundle.ts';
import { edit, reloadCaddy } from '../sabotage/edits.ts';
import { withoutThrottle } from './prepare.ts';
import { DOMAIN, HOST_ADDRESS, Install, TOOL, troubles, verdicts } from './support.ts';

const HOST_V6 = '2001:db8:1::1';
const RANGES = ['--admin-ranges', '198.51.100.7/32,2001:db8:1::7/128'];
const IDS = outsideControls.map((c) => c.id);

describe('the outside view', () => {
  let host: BedHost;
  let install: Install;
  let root: string;
  let file: string;
  let names: string;
  let caddyfile: string;

  beforeAll(async () => {
    host = await createHost('prb-e2e');
    // Its name server says that the name has no IPv6 address.
    await startAcme(host);
    names = await readFile(host.hostsFile, 'utf8');
    install = await Install.create(host, 'v2', 'probe');
    await withoutThrottle(install);
    const { code, report, stderr } = await install.applyJson();
    expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
    caddyfile = await install.read('caddy/Caddyfile');
    root = install.path('../root.crt');
    file = install.path('../probe.json');
    const caddy = await install.container('caddy');
    const copied = await install.docker('cp', `${caddy}:/data/caddy/pki/authorities/local/root.crt`, root);
    expect(copied.code, copied.stderr).toBe(0);
  });
  afterAll(() => host?.destroy());
  afterEach(async () => {
    await writeFile(host.hostsFile, names);
  });

  /** A probe from a place; its JSON is left in `file`. */
  const probe = async (from: Place, extra: readonly string[] = RANGES, url = `https://${DOMAIN}`) => {
    const { exitCode, stdout, stderr } = await from.run(
      [process.execPath, TOOL, 'probe', url, '--json', '--ca', root, ...extra],
      { env: { LANG: 'C.UTF-8' } },
    );
    await writeFile(file, stdout);
    const report = (stdout.startsWith('{') ? JSON.parse(stdout) : undefined) as Report;
    expect(report, stderr).toBeDefined();
    const seen = verdicts(report);
    const those = (is: string) => IDS.filter((id) => seen[id] === is);
    return {
      code: exitCode,
      report,
      stderr,
      fails: those('fail'),
      unseen: those('unknown'),
      passes: those('pass'),
    };
  };
  const outsider = () => host.client(2);
  const withIpv6 = () => writeFile(host.hostsFile, `${names}${HOST_V6} ${DOMAIN}\n`);
  /** The install's own answer to a handed-in look: only what is about it. */
  const handIn = async () => {
    const { code, report } = await install.verify(['--outside', file]);
    const seen = verdicts(report);
    const those = (is: string) => ['outside.view', ...IDS].filter((id) => seen[id] === is);
    return { code, report, fails: those('fail'), unseen: those('unknown'), passes: those('pass') };
  };
  const putBack = async () => {
    await writeFile(install.path('caddy/Caddyfile'), caddyfile);
    await reloadCaddy(install);
  };

  it('is proved from another machine in less than 3 s, and says from where', async () => {
    const seen = await probe(outsider());
    expect([seen.code, seen.fails, seen.unseen], troubles(seen.report)).toEqual([0, [], []]);
    expect(seen.report.outside).toEqual({
      target: `https://${DOMAIN}`,
      roots: [expect.any(String)],
      addresses: [{ address: HOST_ADDRESS, from: '198.51.100.8', certificate: expect.any(String) }],
    });
    const took = new Date(seen.report.finishedAt).getTime() - new Date(seen.report.startedAt).getTime();
    expect(took).toBeLessThan(3_000);
    expect(seen.stderr).toContain('No credential is sent and nothing is changed');
  });

  it('completes a verify, which is good without it and better with it', async () => {
    const bare = await install.verify();
    expect(bare.code, troubles(bare.report)).toBe(0);
    expect(verdicts(bare.report)['outside.view']).toBe('unknown');
    await probe(outsider());
    const seen = await handIn();
    expect([seen.code, seen.fails, seen.unseen], troubles(seen.report)).toEqual([0, [], []]);
    expect(seen.passes.length).toBe(IDS.length);
    expect(JSON.stringify(seen.report)).toContain('seen from 198.51.100.8 at ');
  });

  it('judges what IPv4 shows while the name server is silent about IPv6', async () => {
    const silent = ['INPUT', '-p', 'udp', '--dport', '53', '-j', 'DROP'];
    await host.client(1).out(['iptables', '-A', ...silent]);
    const seen = await probe(outsider());
    await host.client(1).out(['iptables', '-D', ...silent]);
    const unseen = ['outside.addresses-answer'];
    expect([seen.code, seen.fails, seen.unseen], troubles(seen.report)).toEqual([3, [], unseen]);
    expect(JSON.stringify(seen.report)).toMatch(/whether corecube\.test has IPv6 addresses is not known/);
    const handed = await handIn();
    expect([handed.code, handed.fails, handed.unseen], troubles(handed.report)).toEqual([3, [], unseen]);
  });

  it('tells a machine inside the ranges that it is no outsider', async () => {
    const fooled = await probe(host.client(1));
    expect([fooled.code, fooled.fails]).toEqual([1, ['outside.admin-refused', 'outside.metrics-refused']]);
    expect(JSON.stringify(fooled.report)).toMatch(/the fence is open, or .*198\.51\.100\.7.*--inside/);
    const inside = await probe(host.client(1), [...RANGES, '--inside']);
    const fence = ['outside.admin-refused', 'outside.forged-addresses-refused', 'outside.metrics-refused'];
    expect([inside.code, inside.fails, inside.unseen]).toEqual([3, [], fence]);
    expect(inside.passes).toContain('outside.console-opens-inside');
    const seen = await handIn();
    expect([seen.code, seen.fails, seen.unseen], troubles(seen.report)).toEqual([3, [], fence]);
  });

  it('is not fooled on the host itself, neither by its own address nor by NAT', async () => {
    const self = await probe(host);
    expect([self.code, self.passes, self.fails]).toEqual([3, [], []]);
    expect(JSON.stringify(self.report)).toContain(`${HOST_ADDRESS} is an address of this machine`);
    const seen = await handIn();
    expect([seen.code, seen.passes, seen.fails]).toEqual([3, [], []]);

    const nat = ['OUTPUT', '-d', '198.51.100.99', '-j', 'DNAT', '--to-destination', HOST_ADDRESS];
    await host.out(['iptables', '-t', 'nat', '-A', ...nat]);
    await writeFile(host.hostsFile, names.replace(`${HOST_ADDRESS} `, '198.51.100.99 '));
    const back = await probe(host);
    await host.out(['iptables', '-t', 'nat', '-D', ...nat]);
    expect([back.code, back.passes, back.fails]).toEqual([3, [], []]);
    expect(JSON.stringify(back.report)).toMatch(
      /of this machine serves the same certificate as 198\.51\.100\.99/,
    );
  });

  it('takes a forged or foreign file for what it is', async () => {
    await probe(outsider());
    const good = JSON.parse(await readFile(file, 'utf8')) as Report;
    await writeFile(
      file,
      JSON.stringify({ ...good, outside: { ...good.outside, target: 'https://elsewhere.test' } }),
    );
    const foreign = await handIn();
    expect([foreign.code, foreign.passes, foreign.fails]).toEqual([3, [], []]);
    await writeFile(
      file,
      JSON.stringify({
        ...good,
        startedAt: '2020-01-01T00:00:00.000Z',
        finishedAt: '2020-01-01T00:00:01.000Z',
      }),
    );
    const old = await handIn();
    expect([old.code, old.passes, old.fails]).toEqual([3, [], []]);
  });

  it('finds an AAAA record at which nothing answers, and nothing else', async () => {
    await withIpv6();
    const seen = await probe(outsider());
    expect([seen.code, seen.fails, seen.unseen], troubles(seen.report)).toEqual([
      1,
      ['outside.addresses-answer'],
      [],
    ]);
  });

  it.each([
    [
      'the fence is open',
      /@inside remote_ip .*/,
      '@inside remote_ip 0.0.0.0/0',
      ['admin-refused', 'metrics-refused'],
      ['forged-addresses-refused'],
    ],
    [
      'a claim is believed',
      /servers \{([\s\S]*)@inside remote_ip/,
      'servers {\n\t\ttrusted_proxies static 0.0.0.0/0$1@inside client_ip',
      ['forged-addresses-refused'],
      [],
    ],
    ['HSTS is gone', /\n\s*Strict-Transport-Security[^\n]*/, '', ['headers-once', 'hsts'], []],
    ['only TLS 1.3 is spoken', 'protocols tls1.2 tls1.3', 'protocols tls1.3', ['tls-1-2-accepted'], []],
    [
      'only TLS 1.2 is spoken',
      'protocols tls1.2 tls1.3',
      'protocols tls1.2 tls1.2',
      ['tls-1-3-accepted'],
      [],
    ],
    [
      'plain HTTP is served',
      'redir https://corecube.test{http.request.uri} 308',
      'respond "hello"',
      ['http-redirects'],
      [],
    ],
    ['another name is served', 'respond 421', 'respond "hello"', ['other-hosts-refused'], []],
  ] as const)(
    '%s: exactly that is seen from outside, and in the verify it is handed to',
    async (_, from, to, fails, unseen) => {
      await edit(install, 'caddy/Caddyfile', from, to);
      await reloadCaddy(install);
      const seen = await probe(outsider());
      // Put back before anything else: the verify must go by the look alone.
      await putBack();
      const ids = (list: readonly string[]) => list.map((id) => `outside.${id}`);
      expect([seen.code, seen.fails, seen.unseen], troubles(seen.report)).toEqual([
        1,
        ids(fails),
        ids(unseen),
      ]);
      const handed = await handIn();
      expect([handed.code, handed.fails, handed.unseen], troubles(handed.report)).toEqual([
        1,
        ids(fails),
        ids(unseen),
      ]);
    },
  );

  it('sees over IPv6 what IPv4 does not show: every client looks like the gateway there', async () => {
    const override = install.path('compose.override.yaml');
    const before = await readFile(override, 'utf8');
    const compose = (...args: string[]) =>
      install.compose(
        '--file',
        override,
        'up',
        '--detach',
        '--wait',
        '--force-recreate',
        '--no-deps',
        ...args,
      );
    await writeFile(override, `${before}  caddy:\n    ports: ["[::]:443:443", "[::]:80:80"]\n`);
    const published = await compose('caddy');
    expect(published.code, published.stderr).toBe(0);
    await withIpv6();

    // The allowed machine is locked out over IPv6 alone: its address is hidden.
    const inside = await probe(host.client(1), [...RANGES, '--inside']);
    expect(inside.fails, troubles(inside.report)).toEqual(['outside.console-opens-inside']);
    expect(JSON.stringify(inside.report)).toMatch(
      new RegExp(`"observed":"${HOST_V6}: GET /admin answers 403`),
    );
    const outside = await probe(outsider());
    expect([outside.code, outside.fails, outside.unseen], troubles(outside.report)).toEqual([0, [], []]);
    const certificate = expect.any(String);
    expect(outside.report.outside?.addresses).toEqual([
      { address: HOST_ADDRESS, from: '198.51.100.8', certificate },
      { address: HOST_V6, from: '2001:db8:1::8', certificate },
    ]);

    // Whoever allows the gateway opens the console to all of IPv6, and IPv4 still looks closed.
    await edit(install, 'caddy/Caddyfile', /@inside remote_ip /, '@inside remote_ip 10.0.0.0/8 ');
    await reloadCaddy(install);
    const open = await probe(outsider());
    expect([open.fails, open.unseen], troubles(open.report)).toEqual([
      ['outside.admin-refused', 'outside.metrics-refused'],
      ['outside.forged-addresses-refused'],
    ]);
    expect(JSON.stringify(open.report)).toContain(`"observed":"${HOST_V6}: `);
    expect(JSON.stringify(open.report)).not.toContain(`"observed":"${HOST_ADDRESS}: GET /`);
    await writeFile(host.hostsFile, names);
    const blind = await probe(outsider());
    expect([blind.code, blind.fails], troubles(blind.report)).toEqual([0, []]);

    await writeFile(override, before);
    await writeFile(install.path('caddy/Caddyfile'), caddyfile);
    expect((await compose('caddy')).code).toBe(0);
  });

  it('finds every sin of a server that commits all of them', async () => {
    const program = await bundleProgram(join(import.meta.dirname, 'sinful-server.ts'));
    const { file: command, args, cwd, env } = host.command([process.execPath, program.file, DOMAIN]);
    const child = execa(command, args, { cwd, env, extendEnv: false, detached: true, reject: false });
    try {
      await once(child.stdout, 'data');
      const seen = await probe(outsider(), [...RANGES, '--http-port', '8080'], `https://${DOMAIN}:8443`);
      const good = [
        'addresses-answer',
        'tls-1-2-accepted',
        'forged-addresses-refused',
        'console-opens-inside',
      ];
      expect(seen.fails, troubles(seen.report)).toEqual(
        IDS.filter((id) => !good.includes(id.replace('outside.', ''))),
      );
      expect([seen.code, seen.unseen]).toEqual([1, ['outside.forged-addresses-refused']]);
    } finally {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await child;
      await program.dispose();
    }
  });

  it('refuses what is no install, and flags that belong to one, before anything is sent', async () => {
    for (const args of [
      ['probe'],
      ['probe', 'http://corecube.test'],
      ['probe', `https://${DOMAIN}`, '--dir', 'x'],
      ['verify', '--inside'],
    ]) {
      const refused = await outsider().run([process.execPath, TOOL, ...args]);
      expect([refused.exitCode, refused.stdout], refused.stderr).toEqual([2, '']);
      expect(refused.stderr).toMatch(/1 problem with the input/);
    }
  });

  it('is the same healthy install as before', async () => {
    await probe(outsider());
    const seen = await handIn();
    expect([seen.code, seen.fails, seen.unseen], troubles(seen.report)).toEqual([0, [], []]);
  });
});
