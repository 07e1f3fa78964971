import type { NoisePlan } from '../../lib/contract/privacy-plan.ts';
import type { SealedContract, StudyContract } from '../../lib/contract/study-contract.ts';
import { HOSPITALS, testContract } from './test-contract.ts';

/** A plan for the three rounds of `testContract` whose noise keeps its ε with little to spare. */
export const noisePlan = (placement: NoisePlan['placement'], change: Partial<NoisePlan> = {}): NoisePlan => ({
  placement,
  unit: 'record',
  neighbouring: 'add-remove',
  epsilon: 2.5,
  delta: 1e-5,
  samplingRate: 0.3,
  clip: 0.75,
  noiseMultiplier: placement === 'enclave' ? 1.6 : 2.1,
  publicRecords: HOSPITALS.map((organisation, index) => ({ organisation, records: 100 + 50 * index })),
  ...change,
});

/** The study of tests with noise; `change` may bend any field. */
export function noisyContract(placement: NoisePlan['placement'], change: Partial<StudyContract> = {}): SealedContract {
  return testContract({
    privacy: noisePlan(placement),
    training: {
      optimizer: 'sgd',
      learningRate: 0.4,
      localSteps: placement === 'enclave' ? 1 : 2,
      batchSize: null,
      proximalMu: 0,
    },
    strategy: { name: 'fedavg', serverLearningRate: 0.6 },
    grid: { stepLog2: -12, coordinateBound: 2 ** 22, weightCap: placement === 'enclave' ? 1 : 4096, l2Bound: 2 ** 22 },
    ...change,
  });
}
