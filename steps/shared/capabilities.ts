/** Which capabilities each container gets back after `cap_drop: [ALL]`, and why. Nothing else is ever added. */

export interface CapabilityGrant {
  readonly service: string;
  readonly capability: string;
  readonly reason: string;
}

export const CAPABILITY_GRANTS: readonly CapabilityGrant[] = [
  {
    service: 'caddy',
    capability: 'NET_BIND_SERVICE',
    reason:
      'the binary of the official image carries this file capability; without it in the bounding set the kernel refuses to start it',
  },
];

/** Capabilities that a service may have, without the `CAP_` prefix. */
export const allowedCapabilities = (service: string): readonly string[] =>
  CAPABILITY_GRANTS.filter((grant) => grant.service === service).map((grant) => grant.capability);

/** The README's table. */
export function capabilityTable(): string {
  const rows = ['corecube', 'pgvector', 'inference', 'caddy'].map((service) => {
    const grants = CAPABILITY_GRANTS.filter((g) => g.service === service);
    return `| \`${service}\` | ${grants.map((g) => `\`${g.capability}\``).join(', ') || 'none'} | ${grants.map((g) => g.reason).join('; ') || 'runs as its own uid from the first instruction'} |`;
  });
  return ['| container | kept | why |', '| --- | --- | --- |', ...rows].join('\n');
}
