import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Grid } from '../../../lib/contract/grid.ts';
import { bytesEqual, toHex } from '../../../lib/core/bytes.ts';
import {
  decodeUpdate,
  encodeUpdate,
  joinUpdate,
  MAX_TRAIN_LOSS,
  plaintextBytes,
  splitUpdate,
  updateCommitment,
} from '../../../lib/learning/update-codec.ts';

const grid: Grid = { stepLog2: -20, coordinateBound: 1000, weightCap: 500, l2Bound: 1300 };
const expected = { layoutLength: 3, grid };
const honest = { weight: 199, trainLoss: 0.43, coordinates: Int32Array.of(-700, 0, 1000) };
const salt = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);

/** `honest` on the wire with one field overwritten. */
const forged = (write: (view: DataView) => void): Uint8Array => {
  const plaintext = encodeUpdate(honest);
  write(new DataView(plaintext.buffer));
  return plaintext;
};

describe('an honest update', () => {
  it('comes back as it was', () => {
    expect(decodeUpdate(encodeUpdate(honest), expected)).toEqual({ ok: true, value: honest });
  });

  it('has the documented bytes', () => {
    expect(toHex(encodeUpdate({ weight: 2, trainLoss: 0.5, coordinates: Int32Array.of(1, -1) }))).toBe(
      '0100000002000000000000000000e03f01000000ffffffff',
    );
  });

  it('has the same size whatever it says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0, noNaN: true }), (weight, trainLoss) => {
        const bytes = encodeUpdate({ weight, trainLoss, coordinates: new Int32Array(3) });
        expect(bytes.length).toBe(plaintextBytes(3));
        expect(decodeUpdate(bytes, expected).ok).toBe(true);
      }),
    );
  });

  it('travels behind its salt', () => {
    const plaintext = encodeUpdate(honest);
    const split = splitUpdate(joinUpdate(salt, plaintext));
    expect(split).toEqual({ ok: true, value: { salt, plaintext } });
    expect(splitUpdate(new Uint8Array(31))).toMatchObject({ error: { code: 'E-UPDATE-SHAPE' } });
    expect(() => joinUpdate(new Uint8Array(31), plaintext)).toThrow(RangeError);
  });

  it('is not made of what no honest site has', () => {
    for (const weight of [0, -1, 1.5, Number.NaN, 2 ** 32]) {
      expect(() => encodeUpdate({ ...honest, weight })).toThrow(RangeError);
    }
    for (const trainLoss of [Number.NaN, -0.1])
      expect(() => encodeUpdate({ ...honest, trainLoss })).toThrow(RangeError);
  });
});

describe('A11: hostile updates', () => {
  it.each([
    [
      'weight 0',
      forged((view) => {
        view.setUint32(4, 0, true);
      }),
    ],
    [
      'a weight one above the cap',
      forged((view) => {
        view.setUint32(4, 501, true);
      }),
    ],
    [
      'a weight that would overflow the sum',
      forged((view) => {
        view.setUint32(4, 0xffff_ffff, true);
      }),
    ],
    [
      'a NaN loss',
      forged((view) => {
        view.setFloat64(8, Number.NaN, true);
      }),
    ],
    [
      'an infinite loss',
      forged((view) => {
        view.setFloat64(8, Infinity, true);
      }),
    ],
    [
      'a negative loss',
      forged((view) => {
        view.setFloat64(8, -1e-300, true);
      }),
    ],
    [
      'a loss that drowns the mean',
      forged((view) => {
        view.setFloat64(8, MAX_TRAIN_LOSS + 1e-9, true);
      }),
    ],
    [
      'a coordinate one above the bound',
      forged((view) => {
        view.setInt32(20, 1001, true);
      }),
    ],
    [
      'the smallest int32',
      forged((view) => {
        view.setInt32(20, -(2 ** 31), true);
      }),
    ],
    ['×1000 poison', encodeUpdate({ ...honest, coordinates: Int32Array.of(-700_000, 0, 1_000_000) })],
    [
      'float32 NaN written as a coordinate',
      forged((view) => {
        view.setFloat32(20, Number.NaN, true);
      }),
    ],
    [
      'coordinates within bounds whose norm is not',
      encodeUpdate({ ...honest, coordinates: Int32Array.of(920, 0, 920) }),
    ],
  ])('refuses %s', (_, plaintext) => {
    expect(decodeUpdate(plaintext, expected)).toMatchObject({ ok: false, error: { code: 'E-UPDATE-BOUND' } });
  });

  it('accepts a norm of exactly the bound and refuses one more', () => {
    const onBound = encodeUpdate({ ...honest, coordinates: Int32Array.of(500, 0, -1200 + 200) });
    const bounds = { layoutLength: 3, grid: { ...grid, l2Bound: 1118 } };
    // √(500² + 1000²) = 1118.03…
    expect(decodeUpdate(onBound, bounds)).toMatchObject({ error: { detail: 'L2 norm' } });
    expect(decodeUpdate(onBound, { ...bounds, grid: { ...grid, l2Bound: 1119 } }).ok).toBe(true);
    const exact = encodeUpdate({ ...honest, coordinates: Int32Array.of(500, 1200, 0) });
    const wide = { ...grid, coordinateBound: 1200, l2Bound: 1300 };
    expect(decodeUpdate(exact, { layoutLength: 3, grid: wide }).ok).toBe(true);
  });

  it('refuses every length but the right one', () => {
    const plaintext = encodeUpdate(honest);
    for (let length = 0; length < plaintext.length; length++) {
      expect(decodeUpdate(plaintext.subarray(0, length), expected)).toMatchObject({
        error: { code: 'E-UPDATE-SHAPE' },
      });
    }
    const longer = new Uint8Array(plaintext.length + 1);
    longer.set(plaintext);
    expect(decodeUpdate(longer, expected)).toMatchObject({ error: { code: 'E-UPDATE-SHAPE' } });
    expect(decodeUpdate(plaintext, { layoutLength: 4, grid })).toMatchObject({ error: { code: 'E-UPDATE-SHAPE' } });
  });

  it('refuses every other format version', () => {
    for (let bit = 0; bit < 32; bit++) {
      const plaintext = forged((view) => {
        view.setUint32(0, (1 ^ (1 << bit)) >>> 0, true);
      });
      expect(decodeUpdate(plaintext, expected)).toMatchObject({ error: { code: 'E-UPDATE-SHAPE' } });
    }
  });

  it('shows every changed byte of salt and plaintext in the commitment', () => {
    const plaintext = encodeUpdate(honest);
    const commitment = updateCommitment(salt, plaintext);
    const wire = joinUpdate(salt, plaintext);
    for (let at = 0; at < wire.length; at++) {
      const changed = Uint8Array.from(wire, (byte, i) => (i === at ? byte ^ 1 : byte));
      const split = splitUpdate(changed);
      if (!split.ok) throw new Error('unreachable: the length is unchanged');
      expect(bytesEqual(updateCommitment(split.value.salt, split.value.plaintext), commitment)).toBe(false);
    }
  });

  it('is total on arbitrary bytes of the right length, and what it accepts is within bounds', () => {
    const bytes = fc.uint8Array({ minLength: plaintextBytes(3), maxLength: plaintextBytes(3) });
    const headed = bytes.map((tail) => Uint8Array.from([1, 0, 0, 0, ...tail.subarray(4)]));
    fc.assert(
      fc.property(fc.oneof(bytes, headed), (plaintext) => {
        const decoded = decodeUpdate(plaintext, expected);
        if (!decoded.ok) return;
        expect(decoded.value.weight).toBeLessThanOrEqual(grid.weightCap);
        expect(Math.hypot(...decoded.value.coordinates)).toBeLessThanOrEqual(grid.l2Bound);
      }),
      { numRuns: 1000 },
    );
  });

  it('never names a value of the update in a refusal', () => {
    const decoded = decodeUpdate(encodeUpdate({ ...honest, weight: 7919 }), expected);
    expect(decoded.ok).toBe(false);
    expect(JSON.stringify(decoded)).not.toContain('7919');
  });
});
