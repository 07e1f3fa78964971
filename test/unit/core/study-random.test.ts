import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../../lib/core/bytes.ts';
import { lengthPrefixed } from '../../../lib/core/hash.ts';
import { seededStudyRandom, systemStudyRandom } from '../../../lib/core/study-random.ts';

describe('PROTOCOL §2.4: random bytes of a study', () => {
  it('follow from seed and purpose in simulation: H("seed", seed, purpose)', () => {
    const random = seededStudyRandom(utf8('a run'));
    const want = createHash('sha256').update(lengthPrefixed('seed', utf8('a run'), utf8('salt 1')));
    expect(toHex(random('salt 1'))).toBe(want.digest('hex'));
    expect(toHex(random('salt 1'))).toBe(toHex(random('salt 1')));
    expect(toHex(random('salt 1'))).not.toBe(toHex(random('salt 2')));
    expect(toHex(random('salt 1'))).not.toBe(toHex(seededStudyRandom(utf8('another run'))('salt 1')));
  });

  it('come from the system otherwise, 32 bytes and new ones at every call', () => {
    const drawn: Uint8Array[] = [];
    const random = systemStudyRandom((length) => {
      drawn.push(new Uint8Array(length).fill(drawn.length + 1));
      return drawn.at(-1) ?? new Uint8Array();
    });
    expect(random('salt')).toEqual(new Uint8Array(32).fill(1));
    expect(random('salt')).toEqual(new Uint8Array(32).fill(2));
    expect(drawn).toHaveLength(2);
  });
});
