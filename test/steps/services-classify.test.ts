/** Why a service that does not come up is not there, in the words and with the remedy that fit. */
import { describe, expect, it } from 'vitest';
import { classify } from '../../steps/services/classify.ts';

describe('a service without a container', () => {
  it('is told apart by what Compose says', () => {
    const cause = (message: string) => classify('corecube', message, undefined, []);
    // The message of Docker 28 when another project took the range in the meantime.
    const taken = cause(
      'failed to create network two_edge: Error response from daemon: invalid pool request: Pool overlaps with other one on this address space',
    );
    expect(taken).toMatchObject({ kind: 'command', fix: expect.stringContaining('a subnet that is free') });
    expect(taken.message).toContain('another network of this host has the addresses');
    expect(cause('Error response from daemon: No such image: corecube/corecube:v9')).toMatchObject({
      kind: 'image',
      fix: expect.stringContaining('image name'),
    });
    expect(cause('something else')).toMatchObject({
      kind: 'command',
      fix: expect.stringContaining('Correct'),
    });
  });
});
