import { describe, expect, it } from 'vitest';
import { toHex } from '../../../lib/core/bytes.ts';
import { layoutOf } from '../../../lib/learning/layout.ts';
import { logistic, threeLayers } from './specs.ts';

describe('layoutOf', () => {
  it('puts kernel and then bias of each layer one after the other', () => {
    const layout = layoutOf(threeLayers);
    expect(layout.tensors).toEqual([
      { name: 'dense-1/kernel', shape: [5, 7], offset: 0, length: 35 },
      { name: 'dense-1/bias', shape: [7], offset: 35, length: 7 },
      { name: 'dense-2/kernel', shape: [7, 4], offset: 42, length: 28 },
      { name: 'dense-2/bias', shape: [4], offset: 70, length: 4 },
      { name: 'dense-3/kernel', shape: [4, 3], offset: 74, length: 12 },
      { name: 'dense-3/bias', shape: [3], offset: 86, length: 3 },
    ]);
    expect(layout.length).toBe(89);
  });

  it('has a digest that stays the same between versions', () => {
    expect(toHex(layoutOf(logistic(13)).digest)).toMatchInlineSnapshot(
      `"d48d1ef30fc74f7ed0bb952f6585380a617ee0b6dd8839a40fec82fb36bca52a"`,
    );
  });

  it('has another digest for another shape, and the same for another activation or start', () => {
    const digest = toHex(layoutOf(logistic(13)).digest);
    expect(toHex(layoutOf(logistic(14)).digest)).not.toBe(digest);
    const seeded = { ...logistic(13), initial: { kind: 'glorot-uniform', seed: 1 } as const };
    expect(toHex(layoutOf(seeded).digest)).toBe(digest);
  });
});
