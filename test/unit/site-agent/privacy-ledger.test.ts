import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../lib/config/config-file.ts';
import { RefusalError } from '../../../lib/core/errors.ts';
import { chargeOf } from '../../../lib/privacy/ledger.ts';
import { epsilonAfter, mechanismOf } from '../../../lib/privacy/mechanism.ts';
import { openMemoryStore } from '../../../lib/store/memory.ts';
import type { Store } from '../../../lib/store/store.ts';
import { overlayFile, withConfirmed, type OverlayFile } from '../../../site-agent/overlay-file.ts';
import { ledgerTerms, readLedger } from '../../../site-agent/privacy-ledger.ts';
import { noisyContract } from '../../support/noisy-contract.ts';
import { openLedger } from '../../support/test-ledger.ts';
import { digestOf, HOSPITALS, organisationSigner, testContract } from '../../support/test-contract.ts';

const sealed = noisyContract('enclave');
const mechanism = mechanismOf(sealed.contract);
if (mechanism === null) throw new Error('noise');
const { delta } = mechanism.plan;
const overlay = (yaml: string): OverlayFile | string => {
  const parsed = parseConfig(`confirmed: []\n${yaml}`, { name: 'overlay.yaml', schema: overlayFile });
  return parsed.ok ? parsed.value : parsed.error.map(({ detail }) => detail).join('; ');
};

describe('PROTOCOL §6.3: what a hospital writes into its overlay about privacy', () => {
  it('is a budget, a name for the dataset, both or nothing', () => {
    const budget = { epsilon: 3, delta: 0.00002 };
    expect(overlay('privacy: { dataset: heart-2026, budget: { epsilon: 3, delta: 2.0e-5 } }')).toMatchObject({
      privacy: { dataset: 'heart-2026', budget },
    });
    expect(overlay('privacy: { budget: { epsilon: 3, delta: 2.0e-5 } }')).toMatchObject({ privacy: { budget } });
    expect(overlay('')).not.toHaveProperty('privacy');
  });

  it.each([
    ['privacy: { budget: { epsilon: 0, delta: 1.0e-5 } }', 'privacy.budget.epsilon'],
    ['privacy: { budget: { epsilon: 3, delta: 0.5 } }', 'privacy.budget.delta'],
    ['privacy: { budget: { epsilon: 3 } }', 'privacy.budget.delta'],
    ['privacy: { dataset: "" }', 'privacy.dataset'],
    ['privacy: { dataset: "\\uD800" }', 'privacy.dataset'],
    ['privacy: { limit: 3 }', 'limit'],
  ])('%s is refused', (yaml, place) => {
    expect(overlay(yaml)).toContain(place);
  });

  it('stays when a further organisation is confirmed', () => {
    const file = overlay('privacy: { budget: { epsilon: 3, delta: 2.0e-5 } }');
    if (typeof file === 'string') throw new Error(file);
    const [id] = HOSPITALS;
    if (id === undefined) throw new Error('no hospitals');
    const added = { id, name: 'Adler', key: organisationSigner(id).publicKey };
    expect(withConfirmed(file, added, new Date(0)).privacy).toEqual(file.privacy);
  });
});

describe('PROTOCOL §7.9: the terms of a ledger', () => {
  it('name the dataset by its file without the folder, unless the overlay does', () => {
    const named = { data: '/data/cohorts/heart.csv', epsilonBudget: 0.5, privacy: undefined };
    const terms = ledgerTerms(sealed, named);
    expect(terms).toEqual({
      dataset: 'heart.csv',
      limits: { dataset: null, contract: { epsilon: 0.5, delta } },
      charge: chargeOf(mechanism),
    });
    expect(ledgerTerms(sealed, { ...named, privacy: { dataset: 'heart' } }).dataset).toBe('heart');
  });

  it('hold a contract without noise to no approval, which names no epsilon', () => {
    const terms = ledgerTerms(testContract(), { data: 'heart.csv', epsilonBudget: 0.5, privacy: undefined });
    expect(terms).toEqual({ dataset: 'heart.csv', limits: { dataset: null, contract: null }, charge: null });
  });
});

describe('PROTOCOL §7.9: a ledger that two agents share', () => {
  const budget = { epsilon: epsilonAfter(mechanism, 3), delta };
  const round = (number: number): { parent: ReturnType<typeof digestOf>; round: number } => ({
    parent: digestOf(`model ${number - 1}`),
    round: number,
  });
  const other = noisyContract('enclave', { retentionDays: 60 });
  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (fault: unknown) => (fault instanceof RefusalError ? fault.refusals[0].code : String(fault)),
    );

  it('each counts what the other has spent since', async () => {
    const { events } = openMemoryStore();
    const [one, two] = [
      await openLedger(events, sealed, { privacy: { budget } }),
      await openLedger(events, other, { privacy: { budget } }),
    ];
    await one.debit(round(1));
    await two.debit(round(1));
    await one.debit(round(2));
    expect((await two.refusalOf(round(2)))?.code).toBe('E-BUDGET-SPENT');
    expect(await codeOf(two.debit(round(2)))).toBe('E-BUDGET-SPENT');
    expect(await two.refusalOf(round(1))).toBeNull();
    expect((await readLedger(events)).entries.map(({ round: number }) => number)).toEqual([1, 1, 2]);
  });

  it('who comes second at the same moment decides again, on what the first has spent', async () => {
    const { events } = openMemoryStore();
    const one = await openLedger(events, sealed, { privacy: { budget } });
    for (const number of [1, 2]) await one.debit(round(number));
    // Between its look at the ledger and its own entry, the other pays for the last round that is affordable.
    let meanwhile: Promise<void> | null = null;
    const racing: Store['events'] = {
      ...events,
      append: async (stream, version, added) => {
        await (meanwhile ??= one.debit(round(3)));
        return events.append(stream, version, added);
      },
    };
    const two = await openLedger(racing, other, { privacy: { budget } });
    expect(await codeOf(two.debit(round(1)))).toBe('E-BUDGET-SPENT');
    expect((await readLedger(events)).entries).toHaveLength(3);
  });

  it('two debits of one agent at the same moment are two entries, and the same one is one', async () => {
    const { events } = openMemoryStore();
    const ledger = await openLedger(events, sealed, { privacy: { budget } });
    await Promise.all([ledger.debit(round(1)), ledger.debit(round(2)), ledger.debit(round(1))]);
    expect((await readLedger(events)).entries.map(({ round: number }) => number)).toEqual([1, 2]);
  });

  it('a ledger that always stands elsewhere is given up', async () => {
    const { events } = openMemoryStore();
    const append: Store['events']['append'] = (stream, version, added) => events.append(stream, version + 1, added);
    const ledger = await openLedger({ ...events, append }, sealed);
    expect(await codeOf(ledger.debit(round(1)))).toBe('E-STORE-CONFLICT');
    expect((await readLedger(events)).entries).toEqual([]);
  });
});
