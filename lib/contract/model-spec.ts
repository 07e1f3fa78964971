import { z } from 'zod';
import { digest, positiveInteger } from './shapes.ts';

const MAX_UNITS = 16_384;
/** An update of so many int32 coordinates still fits one session message with room to spare. */
const MAX_PARAMETERS = 8_000_000;

/** Coordinates of the flat vector: a kernel and a bias for each layer. */
export function parameterCount({ inputs, layers }: Pick<ModelSpec, 'inputs' | 'layers'>): number {
  const widths = [inputs, ...layers.map(({ units }) => units)];
  return layers.reduce((sum, { units }, index) => sum + ((widths[index] ?? 0) + 1) * units, 0);
}

const layer = z.strictObject({
  units: positiveInteger.max(MAX_UNITS),
  activation: z.enum(['linear', 'relu', 'tanh', 'sigmoid', 'softmax']),
});

/**
 * A dense feed-forward net; one layer of one sigmoid unit is logistic regression. The last layer decides the loss:
 * one sigmoid unit → binary cross-entropy, `k ≥ 2` softmax units → categorical cross-entropy.
 */
export const modelSpec = z
  .strictObject({
    kind: z.literal('dense'),
    inputs: positiveInteger.max(MAX_UNITS),
    layers: z.array(layer).min(1).max(32),
    /** Weights before round 1: all zero, or Glorot-uniform kernels from a public seed with zero biases. */
    initial: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('zeros') }),
      z.strictObject({ kind: z.literal('glorot-uniform'), seed: z.number().int().nonnegative().max(0xffff_ffff) }),
    ]),
  })
  .superRefine((spec, context) => {
    if (parameterCount(spec) > MAX_PARAMETERS) {
      context.addIssue({ code: 'custom', path: ['layers'], message: `more than ${MAX_PARAMETERS} parameters` });
    }
    spec.layers.forEach((item, index) => {
      const last = index === spec.layers.length - 1;
      const output =
        item.activation === 'softmax' ? item.units >= 2 : item.activation === 'sigmoid' && item.units === 1;
      if (last && !output) {
        context.addIssue({
          code: 'custom',
          path: ['layers', index],
          message: 'the last layer must be one sigmoid unit, or two or more softmax units',
        });
      }
      if (!last && item.activation === 'softmax') {
        context.addIssue({
          code: 'custom',
          path: ['layers', index, 'activation'],
          message: 'softmax belongs to the last layer only',
        });
      }
    });
  });
export type ModelSpec = z.output<typeof modelSpec>;

/** What the contract pins of a model: its shape and the digests of layout and initial weights. */
export const contractModel = z.strictObject({ spec: modelSpec, layoutDigest: digest, initialDigest: digest });

/** How one site trains in one round. */
export const trainingPlan = z.strictObject({
  optimizer: z.literal('sgd'),
  learningRate: z.number().positive().max(100),
  /** Optimiser steps in one round. */
  localSteps: positiveInteger.max(100_000),
  /** Rows in a mini-batch; null: every row in every step. */
  batchSize: positiveInteger.max(1_000_000).nullable(),
  /** FedProx pull towards the parent model (Li et al. 2020); 0: plain SGD. */
  proximalMu: z.number().min(0).max(1000),
});
export type TrainingPlan = z.output<typeof trainingPlan>;

const adaptive = {
  serverLearningRate: z.number().positive().max(100),
  beta1: z.number().min(0).lt(1),
  beta2: z.number().min(0).lt(1),
  /** Keeps a step finite where nothing has moved yet. */
  tau: z.number().min(1e-9).max(1),
};

/** How the enclave turns the weighted average of updates into the next model (FedAvg: McMahan 2017; the adaptive ones: Reddi et al. 2021). */
export const strategy = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('fedavg'), serverLearningRate: z.number().positive().max(100) }),
  z.strictObject({ name: z.literal('fedadam'), ...adaptive }),
  z.strictObject({ name: z.literal('fedyogi'), ...adaptive }),
  z.strictObject({ name: z.literal('fedadagrad'), ...adaptive }),
]);
export type StrategyPlan = z.output<typeof strategy>;
