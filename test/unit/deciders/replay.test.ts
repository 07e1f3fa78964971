import { beforeAll, describe, expect, it } from 'vitest';
import { evolve as evolveEnclave } from '../../../aggregator-enclave/evolve.ts';
import { INITIAL_STATE as UNBORN, type EnclaveState } from '../../../aggregator-enclave/state.ts';
import { decide as decideCoordinator } from '../../../coordinator/decider.ts';
import type { CoordinatorCommand, CoordinatorEvent } from '../../../coordinator/event.ts';
import { evolve as evolveCoordinator } from '../../../coordinator/evolve.ts';
import { INITIAL_STATE, type CoordinatorState } from '../../../coordinator/state.ts';
import { signWithdrawal } from '../../../lib/contract/approval.ts';
import { evolve as evolveSite } from '../../../site-agent/evolve.ts';
import { initialSiteState } from '../../../site-agent/state.ts';
import { readBack } from '../../support/read-back.ts';
import { MemoryStudy, must } from '../../support/study-in-memory.ts';
import { HOSPITALS, organisationSigner, START, testApproval, testContract } from '../../support/test-contract.ts';

/** Two released rounds with an aborted attempt between them, a withdrawal, and a third round under way. */
let study: MemoryStudy;
const statesOnTheWay: EnclaveState[] = [];

beforeAll(() => {
  study = new MemoryStudy(testContract());
  const { enclave, sealed } = study;
  study.run(1);
  study.open(2);
  study.commit();
  study.lock();
  study.upload(study.sites.slice(0, 2));
  must(enclave.handle({ type: 'abort-round', at: START }));
  study.catchUp();
  statesOnTheWay.push(enclave.state);
  study.open(2, 2);
  study.commit();
  study.lock();
  study.upload();
  study.close();
  study.acknowledge(study.sites.slice(1));
  statesOnTheWay.push(enclave.state);
  must(enclave.handle({ type: 'close-acknowledgement', at: START }));
  study.deliver();
  const from = study.site('dogwood').environment.organisation;
  const withdrawal = signWithdrawal(
    { contract: sealed.digest, organisation: from, at: START },
    organisationSigner(from),
  );
  must(enclave.handle({ type: 'receive-withdrawal', from, withdrawal }));
  must(study.site('dogwood').handle({ type: 'withdraw', withdrawal }));
  study.open(3);
  study.commit(study.sites.slice(0, 3));
  study.lock();
  study.upload(study.sites.slice(0, 3));
});

describe('HOUSE §2: the event log is the state', () => {
  it('the enclave’s log folds to the state that it is in', () => {
    const { environment, log, state } = study.enclave;
    const folded = log.reduce<EnclaveState>((now, event) => evolveEnclave(environment, now, event), UNBORN);
    expect(state.phase).toBe('collecting');
    expect(folded).toEqual(state);
  });

  it('what the enclave stores folds to the same ledger, whatever was lost with its memory', () => {
    const { environment, log, state } = study.enclave;
    const now = readBack(environment, log);
    if (now.phase === 'unborn' || state.phase === 'unborn') throw new Error('unborn');
    expect(now.phase).toBe('locked');
    expect(now.ledger).toEqual(state.ledger);
  });

  it('a site’s log folds to the state that it is in', () => {
    const { sealed } = study.enclave.environment;
    const start = initialSiteState({ round: 0, digest: sealed.contract.model.initialDigest });
    for (const site of study.sites) expect(site.log.reduce(evolveSite, start)).toEqual(site.state);
  });

  it('the coordinator’s log folds to the state that it is in', () => {
    const environment = { sealed: study.sealed, gatherMs: 10, maxAttempts: 5 };
    const members = HOSPITALS.slice(0, 3);
    const here = { round: 1, attempt: 1 };
    const commands: readonly CoordinatorCommand[] = [
      ...HOSPITALS.map((id) => ({
        type: 'receive-approval' as const,
        at: START,
        approval: testApproval(study.sealed, id),
      })),
      ...HOSPITALS.map((organisation) => ({ type: 'see-site' as const, organisation, connected: true })),
      { type: 'launch', rounds: 2 },
      { type: 'see-statement', statement: { type: 'manifest' }, ...here },
      ...members.map((organisation) => ({ type: 'see-step' as const, step: 'commit' as const, organisation, ...here })),
      { type: 'deadline', step: 'commit', ...here },
      { type: 'see-statement', statement: { type: 'certificate', members }, ...here },
      { type: 'see-statement', statement: { type: 'abort', code: 'E-COHORT-TOO-SMALL' }, ...here },
      { type: 'deadline', step: 'retry', ...here },
      { type: 'stop' },
      { type: 'launch', rounds: 2 },
      { type: 'see-statement', statement: { type: 'manifest' }, round: 1, attempt: 3 },
    ];
    let state: CoordinatorState = INITIAL_STATE;
    const log: CoordinatorEvent[] = [];
    for (const command of commands) {
      const events = must(decideCoordinator(environment, state, command));
      state = events.reduce(evolveCoordinator, state);
      log.push(...events);
    }
    expect(state.phase === 'running' && state.current.step).toBe('commit');
    expect(log.reduce(evolveCoordinator, INITIAL_STATE)).toEqual(state);
  });

  it('evolving leaves the earlier state as it was', () => {
    const [aborted, committed] = statesOnTheWay;
    expect(aborted?.phase).toBe('aborted');
    expect(committed?.phase === 'committed' && committed.acknowledgements.size).toBe(3);
  });
});
