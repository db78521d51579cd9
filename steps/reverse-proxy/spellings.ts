/** Attacks on the console's fence: spellings of a fenced path, and headers that claim another client. */

/**
 * Request targets that lead, or may lead on a server that decodes or folds them another way, to something that is
 * not public. Sent on the wire exactly like this.
 */
export const FENCED_TARGETS: readonly string[] = [
  // the fenced parts themselves
  '/',
  '/admin',
  '/admin/',
  '/api',
  '/metrics',
  '/health',
  '/v1/docs',
  '/v1/openapi.json',
  // case, doubled slashes, encoded letters, path parameters
  '/ADMIN',
  '//admin',
  '///admin//',
  '/%61dmin',
  '/%61%64%6d%69%6e',
  '/admin;x',
  '/admin;/users',
  '/admin?x=/v1/models',
  '/admin%2f',
  '/admin%2Fusers',
  '/%2fadmin',
  '/./admin',
  '/%2e/admin',
  '/admin%00',
  '/admin%20',
  '/METRICS',
  '//metrics',
  '/%6detrics',
  // a public prefix that is left again
  '/v1/../admin',
  '/v1/../../admin',
  '/v1//../admin',
  '/v1/./../admin',
  '/v1/models/../../admin',
  '/v1/%2e%2e/admin',
  '/v1/%2E%2E%2Fadmin',
  '/v1/.%2e/admin',
  '/v1%2f..%2fadmin',
  '/v1/..%2fadmin',
  '/v1/%252e%252e/admin',
  '/v1/%252e%252e%252fadmin',
  '/v1/..;/admin',
  '/V1/..;/admin',
  '/v1;/../admin',
  '/v1/..\\admin',
  '\\admin',
  '/v1/..%5cadmin',
  '/v1\\..\\admin',
  '/v1/%c0%ae%c0%ae/admin',
  '/v1/..%00/admin',
  '/v1#/../admin',
  '/v1/..?/../admin',
  '/mcp/../admin',
  '/mcp/../metrics',
  '/mcp/..;/metrics',
  '/mcp/%2e%2e/metrics',
  // a fenced path that a normalising proxy takes for a public one
  '/admin/../v1/models',
  '/admin/..;/v1/models',
  '/v1x',
  '/mcpx',
  '/v1.admin',
  // the documentation below the public prefix
  '/v1/docs/',
  '/v1/DOCS',
  '/V1/docs',
  '/v1/%64ocs',
  '/v1//docs',
  '/v1/./docs',
  '/v1/docs;x',
  '/v1/docs?x=1',
  '/v1/OpenAPI.json',
  '/v1/openapi.json?x=1',
  '/v1/openapi%2ejson',
];

/** Targets that are tried with every forged header. */
export const FORGED_TARGETS: readonly string[] = ['/admin', '/metrics'];

/** Ways to claim to be another client, by header; `address` is one that the console lets in. */
export function forgedHeaders(address: string): readonly Readonly<Record<string, string>>[] {
  const quoted = address.includes(':') ? `"[${address}]"` : address;
  return [
    { 'X-Forwarded-For': address },
    { 'X-Forwarded-For': `${address}, 127.0.0.1` },
    { 'X-Forwarded-For': `127.0.0.1, ${address}` },
    { Forwarded: `for=${quoted};proto=https` },
    { 'X-Real-IP': address },
    // one request for the rarer ones: were any of them believed, it would get through
    {
      'True-Client-IP': address,
      'X-Client-IP': address,
      'X-Cluster-Client-IP': address,
      'CF-Connecting-IP': address,
      'Fastly-Client-IP': address,
      'X-Original-Forwarded-For': address,
      'Client-IP': address,
      'X-Forwarded-Host': 'localhost',
      'X-Original-URL': '/v1/models',
      'X-Rewrite-URL': '/v1/models',
      'X-Forwarded-Prefix': '/v1',
    },
  ];
}
