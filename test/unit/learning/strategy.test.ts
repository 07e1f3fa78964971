import { describe, expect, it } from 'vitest';
import { decodeServerState, encodeServerState, initialServerState } from '../../../lib/learning/server-state.ts';
import { stepModel } from '../../../lib/learning/strategy.ts';

const parent = Float32Array.of(1, -2, 0.5);
const averageDelta = Float64Array.of(0.25, 0, -0.125);
const adaptive = { serverLearningRate: 0.1, beta1: 0.8, beta2: 0.9, tau: 1e-3 } as const;

describe('stepModel', () => {
  it('fedavg adds the scaled average and remembers nothing', () => {
    const plan = { name: 'fedavg', serverLearningRate: 2 } as const;
    const stepped = stepModel({ plan, parent, averageDelta, state: initialServerState });
    expect([...stepped.weights]).toEqual([1.5, -2, 0.25]);
    expect(stepped.state).toEqual({ m: null, v: null });
  });

  // Worked by hand from Reddi et al. 2021, algorithm 2: two rounds with Δ = 0.5 and then Δ = 0.1.
  it.each([
    ['fedadagrad', 0.25, 0.26],
    ['fedadam', 0.025, 0.0235],
    ['fedyogi', 0.025, 0.024],
  ] as const)('%s follows its second moment', (name, first, second) => {
    const plan = { name, ...adaptive };
    const one = stepModel({
      plan,
      parent: Float32Array.of(3),
      averageDelta: Float64Array.of(0.5),
      state: initialServerState,
    });
    expect(one.state.m?.[0]).toBeCloseTo(0.1, 12);
    expect(one.state.v?.[0]).toBeCloseTo(first, 12);
    expect(one.weights[0]).toBeCloseTo(3 + (0.1 * 0.1) / (Math.sqrt(first) + 1e-3), 6);
    const two = stepModel({ plan, parent: one.weights, averageDelta: Float64Array.of(0.1), state: one.state });
    expect(two.state.m?.[0]).toBeCloseTo(0.1, 12);
    expect(two.state.v?.[0]).toBeCloseTo(second, 12);
    expect(two.weights[0]).toBeCloseTo((one.weights[0] ?? 0) + (0.1 * 0.1) / (Math.sqrt(second) + 1e-3), 6);
  });

  it('does not move a weight that no site moved', () => {
    const stepped = stepModel({
      plan: { name: 'fedyogi', ...adaptive },
      parent,
      averageDelta,
      state: initialServerState,
    });
    expect(stepped.weights[1]).toBe(-2);
  });

  it('changes neither parent nor state', () => {
    const state = { m: Float64Array.of(1, 2, 3), v: Float64Array.of(4, 5, 6) };
    stepModel({ plan: { name: 'fedadam', ...adaptive }, parent, averageDelta, state });
    expect(state).toEqual({ m: Float64Array.of(1, 2, 3), v: Float64Array.of(4, 5, 6) });
    expect([...parent]).toEqual([1, -2, 0.5]);
  });

  it('throws on differing lengths and on leaving float32', () => {
    const plan = { name: 'fedavg', serverLearningRate: 1 } as const;
    const step = (delta: Float64Array) => stepModel({ plan, parent, averageDelta: delta, state: initialServerState });
    expect(() => step(Float64Array.of(1))).toThrow(RangeError);
    expect(() => step(Float64Array.of(1e39, 0, 0))).toThrow(RangeError);
  });
});

describe('server state as bytes', () => {
  const state = { m: Float64Array.of(0.1, -0.2), v: Float64Array.of(1e-9, 3) };

  it('comes back as it was', () => {
    expect(decodeServerState(encodeServerState(state), 2)).toEqual({ ok: true, value: state });
    expect(decodeServerState(encodeServerState(initialServerState), 2)).toEqual({
      ok: true,
      value: initialServerState,
    });
  });

  it.each([
    ['another length', encodeServerState(state), 3],
    ['half of it missing', encodeServerState({ ...state, m: null }), 2],
    ['a NaN', encodeServerState({ ...state, m: Float64Array.of(0, Number.NaN) }), 2],
    ['a negative second moment', encodeServerState({ ...state, v: Float64Array.of(0, -1e-30) }), 2],
    ['trailing bytes', Uint8Array.from([...encodeServerState(state), 0]), 2],
    ['not a map', Uint8Array.of(0x80), 2],
    ['nothing', new Uint8Array(0), 2],
  ])('refuses %s', (_, bytes, length) => {
    expect(decodeServerState(bytes, length)).toMatchObject({ ok: false, error: { code: 'E-STORE-FORMAT' } });
  });
});
