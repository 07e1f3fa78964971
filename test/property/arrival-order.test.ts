import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../lib/core/bytes.ts';
import { MemoryStudy, type MemorySite } from '../support/study-in-memory.ts';
import { testContract } from '../support/test-contract.ts';

/** Sites in the order in which their messages arrive; one order for each kind of message. */
const arrival = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 });
const arrivals = fc.record({ commits: arrival, updates: arrival, acknowledgements: arrival });

/** After its first round; the adaptive strategies carry server state into the second. */
const begun = new Map<string, MemoryStudy>();
const adaptive = { name: 'fedyogi', serverLearningRate: 0.03, beta1: 0.9, beta2: 0.99, tau: 0.001 } as const;

beforeAll(() => {
  for (const strategy of [{ name: 'fedavg', serverLearningRate: 0.7 } as const, adaptive]) {
    const study = new MemoryStudy(testContract({ strategy }));
    study.run(1);
    study.open(2);
    begun.set(strategy.name, study);
  }
});

describe('PROTOCOL §6: the order of arrival shows nowhere', () => {
  it.each(['fedavg', 'fedyogi'])('%s: certificate, set root and model are the same for every order', (name) => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(arrivals, ({ commits, updates, acknowledgements }) => {
        const study = begun.get(name)?.fork();
        if (study === undefined) throw new Error('not begun');
        const inOrder = (order: readonly number[]): MemorySite[] => order.flatMap((index) => study.sites[index] ?? []);
        study.commit(inOrder(commits));
        study.lock();
        study.upload(inOrder(updates));
        study.close();
        study.acknowledge(inOrder(acknowledgements));
        const [certificate, intent, release] = study.enclave.statements().slice(-3);
        if (intent?.statement.type !== 'intent' || release?.statement.type !== 'release') throw new Error('no release');
        const digests = [certificate?.digest, intent.statement.setRoot, release.statement.child];
        outcomes.add(digests.map((digest) => toHex(digest ?? new Uint8Array())).join(' '));
        expect(outcomes.size).toBe(1);
      }),
      { numRuns: 6, endOnFailure: true },
    );
  });
});
