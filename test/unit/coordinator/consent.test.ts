import { describe, expect, it } from 'vitest';
import { decide } from '../../../coordinator/decider.ts';
import type { CoordinatorCommand, CoordinatorEvent } from '../../../coordinator/event.ts';
import { decodeCoordinatorEvent, encodeCoordinatorEvent } from '../../../coordinator/event-codec.ts';
import { evolve } from '../../../coordinator/evolve.ts';
import { approvalsInForce, INITIAL_STATE, type CoordinatorState } from '../../../coordinator/state.ts';
import { FirstFault } from '../../../lib/config/first-fault.ts';
import { signWithdrawal } from '../../../lib/contract/approval.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { instant, type OrganisationId } from '../../../lib/core/ids.ts';
import { must } from '../../support/study-in-memory.ts';
import {
  DAY_MS,
  HOSPITALS,
  organisationSigner,
  START,
  testApproval,
  testContract,
} from '../../support/test-contract.ts';

const sealed = testContract();
const environment = { sealed, gatherMs: 1000, maxAttempts: 3 };
const [adler, birch, cedar, dogwood] = HOSPITALS as readonly [
  OrganisationId,
  OrganisationId,
  OrganisationId,
  OrganisationId,
];

const approves = (id: OrganisationId, days = 100): CoordinatorCommand => ({
  type: 'receive-approval',
  at: START,
  approval: testApproval(sealed, id, days),
});
const withdraws = (organisation: OrganisationId): CoordinatorCommand => ({
  type: 'receive-withdrawal',
  withdrawal: signWithdrawal({ contract: sealed.digest, organisation, at: START }, organisationSigner(organisation)),
});
const arrives = (organisation: OrganisationId): CoordinatorCommand => ({
  type: 'see-site',
  organisation,
  connected: true,
});

/** The state behind `commands`, with every event through its stored form. */
function after(commands: readonly CoordinatorCommand[], state: CoordinatorState = INITIAL_STATE): CoordinatorState {
  const stored = (event: CoordinatorEvent): CoordinatorEvent =>
    must(decodeCoordinatorEvent(encodeCoordinatorEvent(event)));
  return commands.reduce(
    (now, command) =>
      must(decide(environment, now, command))
        .map(stored)
        .reduce(evolve, now),
    state,
  );
}
const types = (state: CoordinatorState, command: CoordinatorCommand): string[] =>
  must(decide(environment, state, command)).map(({ type }) => type);

describe('approvals', () => {
  it('replace an earlier one only if they hold for longer', () => {
    const state = after([approves(adler, 100)]);
    expect(types(state, approves(adler, 99))).toEqual([]);
    expect(types(state, approves(adler, 100))).toEqual([]);
    expect(types(state, approves(adler, 101))).toEqual(['approval-recorded']);
  });

  it('are in force until the moment they expire', () => {
    const state = after([approves(adler, 1), approves(birch, 2)]);
    const count = (ms: number): number => approvalsInForce(state, instant(START + ms)).length;
    expect([count(0), count(DAY_MS - 1), count(DAY_MS), count(2 * DAY_MS)]).toEqual([2, 2, 1, 0]);
  });
});

describe('withdrawals', () => {
  it('are for good, also of a hospital that never approved', () => {
    for (const before of [[approves(adler)], []]) {
      const state = after([...before, withdraws(adler)]);
      expect(state.approvals.has(adler)).toBe(false);
      expect([...state.withdrawn.keys()]).toEqual([adler]);
      expect(decide(environment, state, approves(adler, 300))).toMatchObject({
        ok: false,
        error: { code: 'E-SITE-WITHDRAWN' },
      });
      expect(types(state, withdraws(adler))).toEqual([]);
    }
  });

  it('end the wait for everybody: a study of the others begins at once', () => {
    const gathering = after([
      ...HOSPITALS.map((id) => approves(id)),
      ...[adler, birch, cedar].map(arrives),
      { type: 'launch', rounds: 1 },
    ]);
    expect(gathering.phase).toBe('gathering');
    expect(types(gathering, withdraws(dogwood))).toEqual(['withdrawal-recorded', 'round-requested']);
  });
});

describe('the first fault', () => {
  it('ends the program as itself when it is a refusal, as E-INTERNAL otherwise, and all are logged', async () => {
    const logged: unknown[] = [];
    const faults = new FirstFault((fault) => logged.push(fault));
    faults.report(new TypeError('with who knows what in it'));
    faults.report(new RefusalError(refusal('E-STORE-CONFLICT')));
    await expect(faults.happened).rejects.toMatchObject({ refusals: [{ code: 'E-INTERNAL', detail: '' }] });
    expect(logged).toHaveLength(2);
    const store = new FirstFault(() => undefined);
    store.report(new RefusalError(refusal('E-STORE-CONFLICT')));
    await expect(store.happened).rejects.toMatchObject({ refusals: [{ code: 'E-STORE-CONFLICT' }] });
  });
});
