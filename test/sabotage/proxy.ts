/** Rows about the proxy. */
import { edit, reloadCaddy } from './edits.ts';
import { fail, type Sabotage } from './types.ts';

export const proxyRows: readonly Sabotage[] = [
  {
    name: 'the Caddyfile loses HSTS, reloaded',
    break: async (i) => {
      await edit(i, 'caddy/Caddyfile', /\n\s*Strict-Transport-Security[^\n]*/, '');
      await reloadCaddy(i);
    },
    turns: fail('proxy.config-file', 'proxy.hsts', 'proxy.headers-once'),
  },
  {
    name: 'the Caddyfile opens the console, not reloaded',
    break: (i) => edit(i, 'caddy/Caddyfile', /@inside remote_ip .*/, '@inside remote_ip 0.0.0.0/0'),
    turns: fail('proxy.config-file', 'proxy.config-current'),
  },
  {
    name: 'the Caddyfile opens the console, reloaded',
    break: async (i) => {
      await edit(i, 'caddy/Caddyfile', /@inside remote_ip .*/, '@inside remote_ip 0.0.0.0/0');
      await reloadCaddy(i);
    },
    turns: fail(
      'proxy.config-file',
      'proxy.admin-refused-from-outside',
      'proxy.forged-addresses-refused',
      'proxy.metrics-refused',
    ),
  },
];
