import type { Grid } from '../../../lib/contract/grid.ts';
import type { ModelSpec } from '../../../lib/contract/model-spec.ts';

export const logistic = (inputs: number): ModelSpec => ({
  kind: 'dense',
  inputs,
  layers: [{ units: 1, activation: 'sigmoid' }],
  initial: { kind: 'zeros' },
});

export const threeLayers: ModelSpec = {
  kind: 'dense',
  inputs: 5,
  layers: [
    { units: 7, activation: 'tanh' },
    { units: 4, activation: 'sigmoid' },
    { units: 3, activation: 'softmax' },
  ],
  initial: { kind: 'glorot-uniform', seed: 20_240_607 },
};

/** ±4 in steps of 2^-22, as the heart-disease study has it. */
export const fineGrid: Grid = { stepLog2: -22, coordinateBound: 2 ** 24, weightCap: 65_536, l2Bound: 2 ** 24 };
