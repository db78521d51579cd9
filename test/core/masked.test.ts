/** What a diff of a public file may show of what people type into one. */
import { describe, expect, it } from 'vitest';
import { masked } from '../../src/core/masked.ts';

const CANARY = 'canary-1f9a77c0';

describe('a secret in a public file', () => {
  it.each([
    `+\t\theader_up X-Api-Key ${CANARY}`,
    `+\t\theader_up Authorization "Bearer ${CANARY}"`,
    `-\trequest_header +Cookie session=${CANARY}`,
    `+\tdns cloudflare ${CANARY}`,
    `+\tacme_dns route53 ${CANARY} more`,
    `+\twebhook_secret ${CANARY}`,
    `+\tjwt_token "${CANARY}"`,
    `+      API_KEY: ${CANARY}`,
    `+      password="${CANARY}"`,
    `+      URL: postgres://me:${CANARY}@db/x`,
  ])('is not shown: %s', (line) => expect(masked(` reverse_proxy\n${line}\n }`)).not.toContain(CANARY));

  it.each([
    '+\t\tStrict-Transport-Security "max-age=31536000"',
    '+\ttls /run/secrets/tls.crt /run/secrets/tls.key',
    '+\theader_up X-Forwarded-For {remote_host}',
    '+\theader_up X-Token {http.request.header.X-Token}',
    '+\tdns cloudflare {',
    '-      - encryption_key',
    '+    secrets: [encryption_key, pg_ca.crt]',
    '+    file: ./secrets/encryption_key',
    '+ALTER TABLE documents ENABLE ROW LEVEL SECURITY;',
  ])('is not what this is: %s', (line) => expect(masked(line)).toBe(line));
});
