import { describe, expect, it } from 'vitest';
import { refusal, type Refusal } from '../../../lib/core/errors.ts';
import { instant, organisationId, type Digest } from '../../../lib/core/ids.ts';
import type { Result } from '../../../lib/core/result.ts';
import {
  chargeOf,
  debit,
  EMPTY_LEDGER,
  encodeEntry,
  epsilonSpent,
  recoverDebit,
  replayLedger,
  type Budget,
  type BudgetLimits,
  type DebitRequest,
  type LedgerState,
} from '../../../lib/privacy/ledger.ts';
import { epsilonAfter, mechanismOf } from '../../../lib/privacy/mechanism.ts';
import { noisePlan, noisyContract } from '../../support/noisy-contract.ts';
import { must } from '../../support/study-in-memory.ts';
import { digestOf, START } from '../../support/test-contract.ts';

const sealed = noisyContract('enclave', { rounds: 5, privacy: noisePlan('enclave', { noiseMultiplier: 2.5 }) });
const mechanism = mechanismOf(sealed.contract);
const charge = chargeOf(mechanism);
if (mechanism === null || charge === null) throw new Error('noise');
const { delta } = mechanism.plan;
const NO_LIMITS: BudgetLimits = { dataset: null, contract: null };
const onDataset = (epsilon: number, at = delta): BudgetLimits => ({ ...NO_LIMITS, dataset: { epsilon, delta: at } });
const onContract = (epsilon: number): BudgetLimits => ({ ...NO_LIMITS, contract: { epsilon, delta } });

const request = (round: number, change: Partial<DebitRequest> = {}): DebitRequest => ({
  ...{ dataset: 'heart.csv', contract: digestOf('contract'), study: organisationId('test-study') },
  ...{ parent: digestOf(`model ${round - 1}`), round, at: instant(START + round), charge },
  binding: digestOf('store and data'),
  ...change,
});

const told = (decided: Result<unknown, Refusal>): string =>
  decided.ok ? (decided.value === null ? 'free' : 'debited') : decided.error.code;

/** The ledger after these were debited, each an entry. */
const after = (...requests: readonly DebitRequest[]): LedgerState =>
  requests.reduce((state, one) => {
    const decided = must(debit(state, one, NO_LIMITS));
    if (decided === null) throw new Error('free');
    return must(replayLedger([encodeEntry(decided)], state));
  }, EMPTY_LEDGER);
const rounds = (count: number, change: Partial<DebitRequest> = {}): DebitRequest[] =>
  Array.from({ length: count }, (_, index) => request(index + 1, change));

describe('PROTOCOL §7.5: what a debit says', () => {
  it('is the mechanism and never an epsilon', () => {
    const decided = must(debit(EMPTY_LEDGER, request(1), NO_LIMITS));
    const { samplingRate, noiseMultiplier } = mechanism.plan;
    expect(decided).toEqual({
      ...{ format: 'consilium/privacy-entry/v1', previous: new Uint8Array(32), dataset: 'heart.csv', unit: 'record' },
      ...{ contract: digestOf('contract'), study: 'test-study', parent: digestOf('model 0'), round: 1, at: START + 1 },
      binding: digestOf('store and data'),
      mechanism: { placement: 'enclave', samplingRate, noiseMultiplier, count: 1 },
    });
  });

  it('counts every noised sum of a round where the hospital adds the noise', () => {
    const local = noisyContract('site');
    expect(chargeOf(mechanismOf(local.contract))?.mechanism).toMatchObject({ placement: 'site', count: 2 });
  });

  it('comes to what the plan says, to the bit', () => {
    for (const count of [1, 2, 5])
      expect(epsilonSpent(after(...rounds(count)).entries, delta)).toBe(epsilonAfter(mechanism, count));
    expect(epsilonSpent([], delta)).toBe(0);
  });
});

describe('PROTOCOL §7.5: identical bytes cost nothing again', () => {
  const state = after(...rounds(2));
  it('the same contract and parent is free, in whatever attempt, even when nothing is left', () => {
    expect(told(debit(state, request(2), onDataset(0.001)))).toBe('free');
    expect(told(debit(state, request(2, { at: instant(START + 99) }), onContract(0.001)))).toBe('free');
  });

  it.each<[string, Partial<DebitRequest>]>([
    ['another parent', { parent: digestOf('another model') }],
    ['the same parent under another contract', { contract: digestOf('successor') }],
    ['the same round on another dataset', { dataset: 'lungs.csv' }],
    ['the same parent with another training secret or table', { binding: digestOf('another store or data') }],
    ['the same parent, of which nobody knows what its bytes follow from', { binding: null }],
  ])('%s is not', (_what, change) => {
    expect(told(debit(state, request(2, change), NO_LIMITS))).toBe('debited');
  });
});

describe('PROTOCOL §7.15: the same parent under the same contract, with other noise', () => {
  const other = { binding: digestOf('another store or data') };
  const one = after(request(1));
  it('is paid for again, at the manifest and before training, and is then free itself', () => {
    const both = after(request(1), request(1, other));
    expect(told(debit(one, request(1, other), onDataset(epsilonAfter(mechanism, 1))))).toBe('E-BUDGET-SPENT');
    expect(epsilonSpent(both.entries, delta)).toBe(epsilonAfter(mechanism, 2));
    for (const again of [{}, other]) expect(told(debit(both, request(1, again), onDataset(0.001)))).toBe('free');
  });

  it('is paid for where statements told of a first one, since nobody knows what that one was', () => {
    const recovered = recoverDebit(EMPTY_LEDGER, request(1, { binding: null }));
    if (recovered === null) throw new Error('held');
    const state = must(replayLedger([encodeEntry(recovered)]));
    for (const binding of [request(1).binding, null])
      expect(told(debit(state, request(1, { binding }), NO_LIMITS))).toBe('debited');
    expect(recoverDebit(state, request(1, { binding: null }))).toBeNull();
  });
});

describe('PROTOCOL §6.3, §7.9: a round that would overspend', () => {
  const four = after(...rounds(4));
  const five = epsilonAfter(mechanism, 5);
  it.each<[string, (epsilon: number) => BudgetLimits]>([
    ['the budget of the dataset', onDataset],
    ['the approval of the contract', onContract],
  ])('is refused beyond %s, and not at it', (_what, limit) => {
    expect(told(debit(four, request(5), limit(five)))).toBe('debited');
    // Logarithms of two machines may differ in the last bits, and no more.
    expect(told(debit(four, request(5), limit(five * (1 - 1e-10))))).toBe('debited');
    expect(told(debit(four, request(5), limit(five * (1 - 1e-8))))).toBe('E-BUDGET-SPENT');
    expect(told(debit(after(...rounds(5)), request(6), limit(five)))).toBe('E-BUDGET-SPENT');
  });

  it('its refusal says what is spent, what is left, and what the round would cost', () => {
    const [spent, cost] = [epsilonAfter(mechanism, 4), five - epsilonAfter(mechanism, 4)];
    const budget = five - 0.01;
    const refused = debit(four, request(5), onDataset(budget));
    expect(refused).toEqual({
      ok: false,
      error: refusal(
        'E-BUDGET-SPENT',
        `all contracts on this dataset: ${spent.toFixed(4)} of ε ${budget} at δ ${delta} is spent, ` +
          `${(budget - spent).toFixed(4)} is left, round 5 costs ${cost.toFixed(4)}`,
      ),
    });
  });

  it('both limits bind, each at its own δ', () => {
    const both = (dataset: Budget, contract: Budget): string => told(debit(four, request(5), { dataset, contract }));
    const enough = { epsilon: five, delta };
    const tooLittle = { epsilon: five * 0.99, delta };
    expect(both(enough, enough)).toBe('debited');
    expect(both(tooLittle, enough)).toBe('E-BUDGET-SPENT');
    expect(both(enough, tooLittle)).toBe('E-BUDGET-SPENT');
    // The same ε at a smaller δ is less.
    expect(both({ epsilon: five, delta: delta / 100 }, enough)).toBe('E-BUDGET-SPENT');
  });

  it('counts every contract on the dataset, in whatever order they came, and no other dataset', () => {
    const other = { contract: digestOf('another study') };
    const state = after(...rounds(2), ...rounds(2, other));
    expect(told(debit(state, request(5), onDataset(five)))).toBe('debited');
    expect(told(debit(state, request(5), onDataset(five * 0.99)))).toBe('E-BUDGET-SPENT');
    expect(told(debit(state, request(5, { dataset: 'lungs.csv' }), onDataset(five * 0.99)))).toBe('debited');
    // An approval is for one contract: three rounds of it are.
    expect(told(debit(state, request(5), onContract(epsilonAfter(mechanism, 3))))).toBe('debited');
    expect(told(debit(state, request(5), onContract(epsilonAfter(mechanism, 3) * 0.99)))).toBe('E-BUDGET-SPENT');
  });

  it('adds different mechanisms up by their Rényi divergences, below the sum of their epsilons', () => {
    const wild = { ...charge, mechanism: { ...charge.mechanism, noiseMultiplier: 0.7, samplingRate: 0.5 } };
    const mixed = after(request(1), request(2, { charge: wild }));
    const [first, second] = mixed.entries;
    if (first === undefined || second === undefined) throw new Error('two');
    const [calm, loud] = [epsilonSpent([first], delta), epsilonSpent([second], delta)];
    const total = epsilonSpent(mixed.entries, delta);
    expect(total).toBeGreaterThan(loud);
    expect(total).toBeLessThan(calm + loud);
    expect(epsilonSpent([second, first], delta)).toBe(total);
  });
});

describe('contracts without noise', () => {
  const none = request(1, { charge: null });
  it('are refused on a dataset with a budget, since nothing bounds what they tell', () => {
    expect(told(debit(EMPTY_LEDGER, none, onDataset(1e6)))).toBe('E-BUDGET-UNBOUNDED');
  });

  it('are not recorded otherwise', () => {
    expect(told(debit(EMPTY_LEDGER, none, NO_LIMITS))).toBe('free');
    expect(recoverDebit(EMPTY_LEDGER, none)).toBeNull();
    expect(chargeOf(null)).toBeNull();
  });
});

describe('PROTOCOL §7.13: a debit that was forgotten', () => {
  it('is appended, whatever the budget, unless it is held under whichever name', () => {
    const state = after(...rounds(1));
    const recovered = recoverDebit(state, request(2));
    expect(recovered).toMatchObject({ previous: state.head, round: 2, mechanism: charge.mechanism });
    expect(recoverDebit(state, request(1))).toBeNull();
    expect(recoverDebit(state, request(1, { binding: null }))).toBeNull();
    expect(recoverDebit(state, request(1, { dataset: 'renamed.csv' }))).toBeNull();
  });
});

describe('the chain of entries', () => {
  const state = after(...rounds(3));
  const stored = state.entries.map(encodeEntry);
  const replay = (...bytes: readonly (Uint8Array | undefined)[]): string => {
    const replayed = replayLedger(bytes.flatMap((one) => (one === undefined ? [] : [one])));
    return replayed.ok ? 'whole' : `${replayed.error.code}: ${replayed.error.detail}`;
  };
  const [first, second, third] = stored;

  it('is read back as it was written', () => {
    expect(must(replayLedger(stored))).toEqual(state);
    expect(must(replayLedger([]))).toEqual(EMPTY_LEDGER);
  });

  it('shows an entry that was taken out, put in twice, moved, or altered', () => {
    const broken = (place: number): string =>
      `E-STORE-DAMAGED: privacy ledger: entry ${place} does not follow the one before it`;
    expect(replay(second, third)).toBe(broken(1));
    expect(replay(first, third)).toBe(broken(2));
    expect(replay(first, first, second)).toBe(broken(2));
    expect(replay(second, first, third)).toBe(broken(1));
    const cheaper = state.entries.map((entry) => ({
      ...entry,
      mechanism: { ...entry.mechanism, noiseMultiplier: 50 },
    }))[1];
    if (cheaper === undefined) throw new Error('three');
    expect(replay(first, encodeEntry(cheaper), third)).toBe(broken(3));
  });

  it.each<[string, object]>([
    ['another format', { format: 'consilium/privacy-entry/v2' }],
    ['an unknown field', { epsilon: 0.5 }],
    ['no noise', { mechanism: { ...charge.mechanism, noiseMultiplier: 0 } }],
    ['a sampling rate above 1', { mechanism: { ...charge.mechanism, samplingRate: 1.25 } }],
    ['no steps', { mechanism: { ...charge.mechanism, count: 0 } }],
    ['a name that is no text', { dataset: '' }],
    ['a short binding', { binding: digestOf('x').subarray(1) as Digest }],
    ['a short digest', { parent: digestOf('x').subarray(1) as Digest }],
  ])('an entry with %s is refused', (_what, change) => {
    const [entry] = state.entries;
    if (entry === undefined) throw new Error('three');
    expect(replay(encodeEntry({ ...entry, ...change }))).toMatch(/^E-STORE-FORMAT: privacy ledger/);
  });

  it('bytes that are no entry are refused, never thrown at', () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(9000), Uint8Array.of(0xff, 1, 2)])
      expect(replay(bytes)).toMatch(/^E-STORE-FORMAT: privacy ledger/);
    for (const length of [1, 40, 200]) expect(replay(first?.subarray(0, length))).toMatch(/^E-STORE-FORMAT/);
  });
});
