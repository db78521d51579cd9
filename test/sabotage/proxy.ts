/** Rows about the proxy. */
import { chmod, chown, rm, writeFile } from 'node:fs/promises';
import { createAuthority, issueServerCertificate } from '../../steps/shared/certificates.ts';
import { DOMAIN, type Install } from '../e2e/support.ts';
import { docker, keep, misbehave, putBack } from './by-hand.ts';
import { edit, reloadCaddy } from './edits.ts';
import { startRelay, stopRelay } from './relay.ts';
import { BY_ATTACK, BY_PROXY, BY_PROXY_CONTAINER, BY_TLS } from './sights.ts';
import { fail, type Sabotage, unseen } from './types.ts';

const FILE = 'caddy/Caddyfile';

interface Edit {
  readonly from: string | RegExp;
  readonly to: string;
}
/** Edits the Caddyfile, loads it, and puts both back by hand. `proxy.config-file` always turns. */
const edited = (
  name: string,
  { from, to }: Edit,
  turns: readonly string[],
  more: Partial<Sabotage> = {},
): Sabotage => ({
  name,
  async break(i) {
    await keep(i, FILE);
    await edit(i, FILE, from, to);
    await reloadCaddy(i);
  },
  async undo(i) {
    await putBack(i, FILE);
    await reloadCaddy(i);
  },
  drift: 'edited-by-hand',
  turns: fail('proxy.config-file', ...turns),
  ...more,
});
/** The same, repaired by apply. */
const mended = (row: Sabotage): Sabotage => {
  const { undo: _, ...rest } = row;
  return rest;
};

const BY_CONTAINER = [
  'proxy.container-current',
  'proxy.config-current',
  'proxy.data-kept',
  'proxy.no-ipv6-publishing',
];

const headerRows: readonly Sabotage[] = [
  mended(
    edited('the Caddyfile loses HSTS, reloaded', { from: /\n\s*Strict-Transport-Security[^\n]*/, to: '' }, [
      'proxy.hsts',
      'proxy.headers-once',
    ]),
  ),
  edited(
    'the Caddyfile sends HSTS twice, reloaded',
    // Before the one of ours: what is deferred first has the last word.
    {
      from: /\n\tlog\n/,
      to: '\n\tlog\n\theader {\n\t\t+Strict-Transport-Security max-age=60\n\t\tdefer\n\t}\n',
    },
    ['proxy.hsts', 'proxy.headers-once'],
  ),
  edited(
    'the Caddyfile shortens HSTS to five minutes, reloaded',
    { from: 'max-age=31536000', to: 'max-age=300' },
    ['proxy.hsts', 'proxy.headers-once'],
  ),
  edited(
    'the Caddyfile lets other sites frame the console, reloaded',
    { from: /\n\s*X-Frame-Options[^\n]*/, to: '' },
    ['proxy.headers-once'],
  ),
  edited(
    'the Caddyfile serves over plain HTTP, reloaded',
    { from: /\n\tredir [^\n]*/, to: '\n\timport upstream' },
    ['proxy.http-redirects', 'proxy.hsts'],
    // Guide v1's CoreCube sends HSTS itself, and now over plain HTTP too.
    { onlyV1: ['proxy.hsts'] },
  ),
  edited(
    'the Caddyfile takes requests of any size, reloaded',
    { from: /\n\t\terror @oversized[^\n]*\n\t\trequest_body \{[^}]*\}/, to: '' },
    ['proxy.body-limit'],
  ),
];

const OPEN = { from: /@inside remote_ip .*/, to: '@inside remote_ip 0.0.0.0/0' };
const fenceRows: readonly Sabotage[] = [
  {
    name: 'the Caddyfile opens the console, not reloaded',
    async break(i) {
      await keep(i, FILE);
      await edit(i, FILE, OPEN.from, OPEN.to);
    },
    drift: 'edited-not-applied',
    turns: fail('proxy.config-file', 'proxy.config-current'),
    undo: (i) => putBack(i, FILE),
  },
  mended(
    edited('the Caddyfile opens the console, reloaded', OPEN, [
      'proxy.admin-refused-from-outside',
      'proxy.forged-addresses-refused',
      'proxy.metrics-refused',
    ]),
  ),
  {
    name: 'the console was opened in the running proxy, the file is as it was',
    async break(i) {
      const text = await keep(i, FILE);
      await writeFile(i.path('caddy/other'), text.replace(OPEN.from, OPEN.to));
      await reloadCaddy(i, '/etc/caddy/other');
      await rm(i.path('caddy/other'));
    },
    drift: 'changed-at-run-time',
    turns: fail(
      'proxy.config-current',
      'proxy.admin-refused-from-outside',
      'proxy.forged-addresses-refused',
      'proxy.metrics-refused',
    ),
  },
  edited(
    'the Caddyfile allows one more range, reloaded',
    { from: /(@inside remote_ip .*)/, to: '$1 203.0.113.0/24' },
    [],
  ),
  edited(
    'the Caddyfile opens /metrics, reloaded',
    { from: /\n\t\thandle @documentation/, to: '\n\t\thandle /metrics {\n\t\t\timport upstream\n\t\t}$&' },
    ['proxy.metrics-refused', 'proxy.admin-refused-from-outside', 'proxy.forged-addresses-refused'],
  ),
  edited(
    'the Caddyfile opens the documentation of the API, reloaded',
    { from: /\n\t\thandle @documentation \{[^}]*\}/, to: '' },
    ['proxy.admin-refused-from-outside'],
  ),
  edited(
    'the Caddyfile believes whoever claims an address, reloaded',
    {
      from: /(servers \{)([\s\S]*)@inside remote_ip/,
      to: '$1\n\t\ttrusted_proxies static 0.0.0.0/0 ::/0$2@inside client_ip',
    },
    ['proxy.forged-addresses-refused'],
  ),
  edited(
    'the Caddyfile serves every name and address, reloaded',
    {
      from: /http:\/\/, https:\/\/ \{\n\theader -Server\n\trespond 421/,
      to: 'http://, https:// {\n\ttls internal {\n\t\ton_demand\n\t}\n\theader -Server\n\timport upstream',
    },
    ['proxy.other-hosts-refused'],
  ),
  edited(
    'the Caddyfile closes /v1, reloaded',
    { from: /(@public vars_regexp .*)\(\?:v1\|mcp\)/, to: '$1(?:mcp)' },
    ['proxy.public-paths-answer'],
  ),
  // Such an endpoint takes no new configuration from localhost any more.
  mended(
    edited(
      'the admin endpoint of Caddy listens on every address, reloaded',
      { from: 'admin localhost:2019', to: 'admin 0.0.0.0:2019' },
      ['proxy.metrics-refused'],
    ),
  ),
  edited(
    'the Caddyfile asks another port for CoreCube, reloaded',
    { from: /corecube:7400/g, to: 'corecube:7401' },
    [],
    { turns: { ...fail('proxy.config-file'), ...unseen('proxy.public-paths-answer') } },
  ),
];

/** The program itself asks too few requests for a key: no file and no answer says why. */
const withoutKey = (name: string, fault: string): Sabotage => ({
  name,
  break: (i) => misbehave(i, fault),
  drift: {},
  turns: fail('proxy.public-paths-answer'),
  undo: (i) => misbehave(i, ''),
});
const keyRows: readonly Sabotage[] = [
  withoutKey('CoreCube answers questions of everybody without an API key', 'chat-without-key'),
  withoutKey('CoreCube asks for an API key at the ping of MCP alone', 'mcp-without-key'),
  withoutKey('CoreCube takes every API key that looks like one', 'any-key'),
];

const keepingRows: readonly Sabotage[] = [
  {
    ...mended(edited('the Caddyfile keeps no access log, reloaded', { from: /\n\tlog\n/, to: '\n' }, [])),
    turns: { ...fail('proxy.config-file', 'proxy.access-log'), ...unseen(...BY_ATTACK) },
  },
  {
    name: 'everybody may write the Caddyfile',
    break: (i) => chmod(i.path(FILE), 0o666),
    drift: 'edited-by-hand',
    turns: fail('proxy.config-file'),
    undo: (i) => chmod(i.path(FILE), 0o644),
  },
  {
    name: 'the Caddyfile belongs to somebody else',
    break: (i) => chown(i.path(FILE), 1234, 1234),
    drift: 'edited-by-hand',
    turns: fail('proxy.config-file'),
  },
  {
    name: 'the directory of the Caddyfile belongs to somebody else',
    break: (i) => chown(i.path('caddy'), 1234, 1234),
    drift: 'edited-by-hand',
    turns: fail('proxy.config-file'),
  },
  {
    name: 'the proxy may not read the Caddyfile, as after a restore under a tight umask',
    break: (i) => chmod(i.path(FILE), 0o600),
    drift: 'edited-by-hand',
    turns: { ...fail('proxy.config-file'), ...unseen('proxy.config-current') },
  },
  {
    name: 'the proxy may not enter the directory of the Caddyfile',
    break: (i) => chmod(i.path('caddy'), 0o700),
    drift: 'edited-by-hand',
    turns: { ...fail('proxy.config-file'), ...unseen('proxy.config-current') },
  },
  {
    name: 'everybody may replace the Caddyfile',
    break: (i) => chmod(i.path('caddy'), 0o777),
    drift: 'edited-by-hand',
    turns: fail('proxy.config-file'),
  },
];

const tlsRows: readonly Sabotage[] = [
  {
    name: 'something before the proxy accepts TLS 1.0 and 1.1',
    break: startRelay,
    // What stands before the proxy is no part of this install.
    drift: {},
    turns: fail('tls.1-1-refused'),
    undo: stopRelay,
  },
  edited(
    'the Caddyfile refuses TLS 1.2, reloaded',
    { from: 'protocols tls1.2 tls1.3', to: 'protocols tls1.3' },
    ['tls.1-2-accepted'],
  ),
  {
    name: 'a certificate that has run out is served',
    async break(i) {
      const authority = await createAuthority('sabotage', new Date('2020-01-01T00:00:00Z'));
      const pair = await issueServerCertificate(
        authority,
        { dns: [DOMAIN] },
        new Date('2021-01-01T00:00:00Z'),
      );
      await writeFile(i.path('caddy/old.crt'), pair.certificate);
      await writeFile(i.path('caddy/old.key'), pair.key.reveal(), { mode: 0o644 });
      await keep(i, FILE);
      await edit(i, FILE, 'tls internal {', 'tls /etc/caddy/old.crt /etc/caddy/old.key {');
      await reloadCaddy(i);
    },
    drift: { 'proxy.config-file': 'edited-by-hand', 'tls.certificate': 'edited-by-hand' },
    // The key beside the Caddyfile is the proxy's to read as well.
    turns: fail('proxy.config-file', 'tls.certificate', 'install.no-copies'),
    async undo(i) {
      await putBack(i, FILE);
      await reloadCaddy(i);
      await rm(i.path('caddy/old.crt'));
      await rm(i.path('caddy/old.key'));
    },
  },
];

const stopped = {
  ...fail('proxy.up'),
  ...unseen(...BY_PROXY, ...BY_CONTAINER, ...BY_TLS),
};
const caddy = (i: Install) => i.container('caddy');

const lifeRows: readonly Sabotage[] = [
  {
    name: 'the proxy is paused',
    break: async (i) => docker(i, 'pause', await caddy(i)),
    drift: 'changed-at-run-time',
    turns: stopped,
    undo: async (i) => docker(i, 'unpause', await caddy(i)),
  },
  {
    name: 'the proxy is stopped',
    break: async (i) => docker(i, 'stop', await caddy(i)),
    drift: 'changed-at-run-time',
    turns: { ...stopped, ...unseen(...BY_PROXY_CONTAINER) },
  },
];

export const proxyRows: readonly Sabotage[] = [
  ...headerRows,
  ...fenceRows,
  ...keyRows,
  ...keepingRows,
  ...tlsRows,
  ...lifeRows,
];
