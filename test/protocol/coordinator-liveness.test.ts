import { describe, expect, it } from 'vitest';
import { decide } from '../../coordinator/decider.ts';
import {
  effectsOf,
  type CoordinatorCommand,
  type CoordinatorEffect,
  type SeenStatement,
} from '../../coordinator/event.ts';
import { evolve } from '../../coordinator/evolve.ts';
import { INITIAL_STATE, type CoordinatorEnvironment, type CoordinatorState } from '../../coordinator/state.ts';
import { signWithdrawal } from '../../lib/contract/approval.ts';
import type { Refusal } from '../../lib/core/errors.ts';
import { instant, organisationId } from '../../lib/core/ids.ts';
import type { Result } from '../../lib/core/result.ts';
import { must } from '../support/study-in-memory.ts';
import {
  DAY_MS,
  digestOf,
  HOSPITALS,
  organisationSigner,
  START,
  testApproval,
  testContract,
} from '../support/test-contract.ts';

const sealed = testContract();

/** The pure decider with its state and everything it asked its shell to do. */
class Driver {
  state: CoordinatorState = INITIAL_STATE;
  effects: CoordinatorEffect[] = [];
  readonly environment: CoordinatorEnvironment;

  constructor(change: Partial<CoordinatorEnvironment> = {}) {
    this.environment = { sealed, gatherMs: 60_000, maxAttempts: 12, ...change };
  }

  tell(command: CoordinatorCommand): Result<readonly string[], Refusal> {
    const decision = decide(this.environment, this.state, command);
    if (!decision.ok) return decision;
    this.state = decision.value.reduce(evolve, this.state);
    this.effects.push(...decision.value.flatMap(effectsOf));
    return { ok: true, value: decision.value.map(({ type }) => type) };
  }

  approve(ids: readonly string[] = HOSPITALS): this {
    for (const id of ids)
      must(this.tell({ type: 'receive-approval', at: START, approval: testApproval(sealed, organisationId(id)) }));
    return this;
  }

  connect(ids: readonly string[] = HOSPITALS, connected = true): this {
    for (const id of ids) must(this.tell({ type: 'see-site', organisation: organisationId(id), connected }));
    return this;
  }

  see(statement: SeenStatement, attempt = 1, round = 1): void {
    must(this.tell({ type: 'see-statement', statement, round, attempt }));
  }

  did(step: 'commit' | 'upload' | 'acknowledge', ids: readonly string[], attempt = 1): void {
    for (const id of ids)
      must(this.tell({ type: 'see-step', step, organisation: organisationId(id), round: 1, attempt }));
  }

  /** Actions asked for since the last call. */
  asked(): string[] {
    const actions = this.effects.flatMap((effect) =>
      effect.type === 'advance' ? [`${effect.action} ${effect.round}/${effect.attempt}`] : [],
    );
    this.effects = [];
    return actions;
  }
}

const members = HOSPITALS.map((id) => id);
const running = (ids: readonly string[] = HOSPITALS): Driver => {
  const driver = new Driver().approve().connect(ids);
  must(driver.tell({ type: 'launch', rounds: 3 }));
  must(driver.tell({ type: 'gathering-over' }));
  driver.see({ type: 'manifest' });
  driver.asked();
  return driver;
};
const refused = (result: Result<unknown, Refusal>): string => (result.ok ? 'done' : result.error.code);

describe('launching a study', () => {
  it('needs k_min approvals; expired, foreign and forged ones are none', () => {
    const driver = new Driver().approve(['adler', 'birch']);
    expect(refused(driver.tell({ type: 'launch', rounds: 3 }))).toBe('E-APPROVALS-MISSING');
    const cedar = testApproval(sealed, organisationId('cedar'));
    const late = instant(START + 100 * DAY_MS);
    expect(refused(driver.tell({ type: 'receive-approval', at: late, approval: cedar }))).toBe('E-APPROVAL-INVALID');
    const foreign = testApproval(testContract({ rounds: 9 }), organisationId('cedar'));
    expect(refused(driver.tell({ type: 'receive-approval', at: START, approval: foreign }))).toBe('E-APPROVAL-INVALID');
    const forged = cedar.map((byte, index) => (index === 30 ? byte ^ 1 : byte));
    expect(refused(driver.tell({ type: 'receive-approval', at: START, approval: forged }))).toBe('E-APPROVAL-INVALID');
    expect(refused(driver.tell({ type: 'launch', rounds: 3 }))).toBe('E-APPROVALS-MISSING');
    driver.approve(['cedar']);
    expect(refused(driver.tell({ type: 'launch', rounds: 3 }))).toBe('done');
    expect(must(driver.tell({ type: 'receive-approval', at: START, approval: cedar }))).toEqual([]);
  });

  it('a withdrawn hospital counts no more, and only it can withdraw', () => {
    const driver = new Driver().approve(['adler', 'birch', 'cedar']);
    const organisation = organisationId('adler');
    const fields = { contract: sealed.digest, organisation, at: START };
    const forged = signWithdrawal(fields, organisationSigner('birch'));
    expect(refused(driver.tell({ type: 'receive-withdrawal', withdrawal: forged }))).toBe('E-APPROVAL-INVALID');
    const elsewhere = signWithdrawal({ ...fields, contract: digestOf('other') }, organisationSigner('adler'));
    expect(refused(driver.tell({ type: 'receive-withdrawal', withdrawal: elsewhere }))).toBe('E-APPROVAL-INVALID');
    const withdrawal = signWithdrawal(fields, organisationSigner('adler'));
    expect(must(driver.tell({ type: 'receive-withdrawal', withdrawal }))).toEqual(['withdrawal-recorded']);
    expect(must(driver.tell({ type: 'receive-withdrawal', withdrawal }))).toEqual([]);
    expect(refused(driver.tell({ type: 'launch', rounds: 1 }))).toBe('E-APPROVALS-MISSING');
  });

  it('runs no more rounds than the contract has', () => {
    const driver = new Driver().approve().connect();
    must(driver.tell({ type: 'launch', rounds: 99 }));
    expect('rounds' in driver.state && driver.state.rounds).toBe(3);
    for (const round of [1, 2, 3]) {
      driver.see({ type: 'manifest' }, 1, round);
      driver.see({ type: 'release' }, 1, round);
    }
    expect(driver.state.phase).toBe('finished');
    expect(driver.asked()).toEqual(['open-round 1/1', 'open-round 2/1', 'open-round 3/1']);
  });

  it('cannot go on behind the last round of the contract', () => {
    const driver = new Driver().approve().connect();
    must(driver.tell({ type: 'launch', rounds: 3 }));
    driver.state = { ...driver.state, released: 3 };
    must(driver.tell({ type: 'stop' }));
    expect(refused(driver.tell({ type: 'launch', rounds: 1 }))).toBe('E-ROUND-FINISHED');
  });
});

describe('gathering', () => {
  it('waits for every hospital of the contract and then opens at once', () => {
    const driver = new Driver().approve().connect(['adler', 'birch', 'cedar']);
    must(driver.tell({ type: 'launch', rounds: 1 }));
    expect(driver.effects).toEqual([{ type: 'gathering-timer', ms: 60_000 }]);
    expect(driver.state.phase).toBe('gathering');
    driver.asked();
    driver.connect(['dogwood']);
    expect(driver.asked()).toEqual(['open-round 1/1']);
  });

  it('opens with those who are there when the wait is over, if they are enough', () => {
    const driver = new Driver().approve().connect(['adler', 'birch', 'cedar']);
    must(driver.tell({ type: 'launch', rounds: 1 }));
    must(driver.tell({ type: 'gathering-over' }));
    expect(driver.asked()).toEqual(['open-round 1/1']);
  });

  it('gives up when they are not: too few, or a required one missing', () => {
    const few = new Driver().approve().connect(['adler', 'birch']);
    must(few.tell({ type: 'launch', rounds: 1 }));
    must(few.tell({ type: 'gathering-over' }));
    expect(few.state).toMatchObject({ phase: 'failed', code: 'E-COHORT-TOO-SMALL' });
    const requiring = testContract({ requireSites: [organisationId('dogwood')] });
    const driver = new Driver({ sealed: requiring });
    for (const id of HOSPITALS)
      must(driver.tell({ type: 'receive-approval', at: START, approval: testApproval(requiring, id) }));
    driver.connect(['adler', 'birch', 'cedar']);
    must(driver.tell({ type: 'launch', rounds: 1 }));
    must(driver.tell({ type: 'gathering-over' }));
    expect(driver.state.phase).toBe('failed');
  });

  it('does not count who is connected without approval', () => {
    const driver = new Driver().approve(['adler', 'birch', 'cedar']).connect(['adler', 'birch', 'dogwood']);
    must(driver.tell({ type: 'launch', rounds: 1 }));
    must(driver.tell({ type: 'gathering-over' }));
    expect(driver.state.phase).toBe('failed');
  });
});

describe('a round', () => {
  it('is locked as soon as everybody committed, closed as soon as everybody uploaded', () => {
    const driver = running();
    driver.did('commit', ['adler', 'birch', 'cedar']);
    expect(driver.asked()).toEqual([]);
    driver.did('commit', ['dogwood']);
    expect(driver.asked()).toEqual(['lock-cohort 1/1']);
    driver.see({ type: 'certificate', members });
    driver.did('upload', ['dogwood', 'cedar', 'birch']);
    expect(driver.asked()).toEqual([]);
    driver.did('upload', ['adler']);
    expect(driver.asked()).toEqual(['close-collection 1/1']);
    driver.see({ type: 'intent', members });
    driver.did('acknowledge', members);
    // The enclave releases by itself.
    expect(driver.asked()).toEqual([]);
  });

  it('does not wait for one who left before committing', () => {
    const driver = running();
    driver.did('commit', ['adler', 'birch', 'cedar']);
    driver.connect(['dogwood'], false);
    expect(driver.asked()).toEqual(['lock-cohort 1/1']);
  });

  it('does not lock a cohort that is too small before the deadline: others may still connect', () => {
    const driver = running(['adler', 'birch', 'cedar']);
    driver.connect(['birch', 'cedar'], false);
    driver.did('commit', ['adler']);
    expect(driver.asked()).toEqual([]);
    driver.connect(['birch', 'cedar']);
    driver.did('commit', ['birch']);
    expect(driver.asked()).toEqual([]);
    driver.did('commit', ['cedar']);
    expect(driver.asked()).toEqual(['lock-cohort 1/1']);
  });

  it('nor one without a required hospital', () => {
    const requiring = testContract({ requireSites: [organisationId('dogwood')] });
    const driver = running();
    const environment = { ...driver.environment, sealed: requiring };
    const without = Object.assign(new Driver(environment), { state: driver.state });
    without.connect(['dogwood'], false);
    without.did('commit', ['adler', 'birch', 'cedar']);
    expect(without.asked()).toEqual([]);
    without.did('commit', ['dogwood']);
    expect(without.asked()).toEqual(['lock-cohort 1/1']);
  });

  it('leaves alone what counts further than its log and its requests can', () => {
    const driver = running();
    const before = driver.state;
    driver.see({ type: 'abort', code: 'E-ROUND-STOPPED' }, Number.MAX_SAFE_INTEGER);
    driver.see({ type: 'manifest' }, Number.MAX_SAFE_INTEGER);
    expect(driver.state).toEqual(before);
    expect(driver.asked()).toEqual([]);
  });

  it('asks again at each deadline while acknowledgements are missing, gives up after some, and goes on when launched', () => {
    const driver = running();
    driver.see({ type: 'certificate', members });
    driver.see({ type: 'intent', members });
    driver.asked();
    const deadline = (): void =>
      void must(driver.tell({ type: 'deadline', step: 'acknowledge', round: 1, attempt: 1 }));
    for (let waited = 0; waited < driver.environment.maxAttempts; waited++) {
      deadline();
      expect(driver.asked()).toEqual(['close-acknowledgement 1/1']);
    }
    deadline();
    expect(driver.asked()).toEqual([]);
    expect(driver.state).toMatchObject({ phase: 'failed', code: 'E-ACKS-MISSING' });
    // The enclave kept the result: the missing hospitals came back.
    driver.see({ type: 'release' });
    expect(driver.state.released).toBe(1);
  });

  it('moves at each deadline with what is there, and each deadline counts for its own step only', () => {
    const driver = running();
    const deadline = (step: 'opening' | 'commit' | 'upload' | 'acknowledge', attempt = 1): void =>
      void must(driver.tell({ type: 'deadline', step, round: 1, attempt }));
    deadline('upload');
    deadline('commit', 2);
    expect(driver.asked()).toEqual([]);
    deadline('commit');
    expect(driver.asked()).toEqual(['lock-cohort 1/1']);
    driver.see({ type: 'certificate', members });
    deadline('commit');
    expect(driver.asked()).toEqual([]);
    deadline('upload');
    driver.see({ type: 'intent', members });
    deadline('acknowledge');
    expect(driver.asked()).toEqual(['close-collection 1/1', 'close-acknowledgement 1/1']);
  });

  it('sets the deadlines of the contract, and asks again for an opening that brings no manifest', () => {
    const driver = new Driver().approve().connect();
    must(driver.tell({ type: 'launch', rounds: 1 }));
    const timers = (): [string, number][] => {
      const found = driver.effects.flatMap((e): [string, number][] => (e.type === 'timer' ? [[e.step, e.ms]] : []));
      driver.effects = [];
      return found;
    };
    expect(timers()).toEqual([['opening', 5_000]]);
    must(driver.tell({ type: 'deadline', step: 'opening', round: 1, attempt: 1 }));
    expect(timers()).toEqual([['opening', 5_000]]);
    driver.see({ type: 'manifest' });
    driver.see({ type: 'certificate', members });
    driver.see({ type: 'intent', members });
    expect(timers()).toEqual([
      ['commit', 5_000],
      ['upload', 20_000],
      ['acknowledge', 5_000],
    ]);
  });

  it('never goes back when an enclave that restarted tells its history again', () => {
    const driver = running();
    driver.did('commit', members);
    driver.see({ type: 'certificate', members });
    driver.did('upload', ['adler']);
    const before = driver.state;
    driver.see({ type: 'manifest' });
    driver.see({ type: 'certificate', members });
    expect(driver.state).toBe(before);
    driver.see({ type: 'intent', members });
    driver.see({ type: 'certificate', members });
    expect(driver.state.phase === 'running' && driver.state.current.step).toBe('acknowledge');
  });

  it('counts each hospital once in each step', () => {
    const driver = running();
    driver.did('commit', ['adler', 'adler', 'adler', 'adler']);
    expect(driver.state.phase === 'running' && driver.state.current.done.size).toBe(1);
  });
});

describe('trying again', () => {
  it('waits twice as long after each abort, at most 30 s, and asks for the next attempt', () => {
    const driver = running();
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 10; attempt++) {
      driver.asked();
      driver.see({ type: 'manifest' }, attempt);
      driver.effects = [];
      driver.see({ type: 'abort', code: 'E-COHORT-TOO-SMALL' }, attempt);
      for (const effect of driver.effects)
        if (effect.type === 'timer' && effect.step === 'retry') waits.push(effect.ms);
      expect(driver.state.phase).toBe('between');
      must(driver.tell({ type: 'deadline', step: 'retry', round: 1, attempt }));
      expect(driver.asked()).toEqual([`open-round 1/${attempt + 1}`]);
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('gives up after as many attempts as it was told, with the reason of the last', () => {
    const driver = new Driver({ maxAttempts: 2 }).approve().connect();
    must(driver.tell({ type: 'launch', rounds: 1 }));
    driver.see({ type: 'abort', code: 'E-COHORT-TOO-SMALL' });
    must(driver.tell({ type: 'deadline', step: 'retry', round: 1, attempt: 1 }));
    driver.see({ type: 'abort', code: 'E-ACKS-MISSING' }, 2);
    expect(driver.state).toMatchObject({ phase: 'failed', code: 'E-ACKS-MISSING' });
  });

  it('counts attempts from 1 again after a release', () => {
    const driver = running();
    driver.see({ type: 'abort', code: 'E-ACKS-MISSING' });
    must(driver.tell({ type: 'deadline', step: 'retry', round: 1, attempt: 1 }));
    driver.asked();
    driver.see({ type: 'manifest' }, 2);
    driver.see({ type: 'release' }, 2);
    expect(driver.asked()).toEqual(['open-round 2/1']);
  });

  it('a late retry timer means nothing, nor does one of an earlier attempt', () => {
    const driver = running();
    driver.see({ type: 'abort', code: 'E-ACKS-MISSING' });
    expect(must(driver.tell({ type: 'deadline', step: 'retry', round: 1, attempt: 7 }))).toEqual([]);
    must(driver.tell({ type: 'deadline', step: 'retry', round: 1, attempt: 1 }));
    expect(must(driver.tell({ type: 'deadline', step: 'retry', round: 1, attempt: 1 }))).toEqual([]);
  });
});

describe('stopping', () => {
  it('aborts what runs, and a later launch goes on with another attempt', () => {
    const driver = running();
    must(driver.tell({ type: 'stop' }));
    expect(driver.asked()).toEqual(['abort-round 1/1']);
    expect(driver.state.phase).toBe('stopped');
    expect(must(driver.tell({ type: 'stop' }))).toEqual([]);
    driver.see({ type: 'abort', code: 'E-ROUND-STOPPED' });
    must(driver.tell({ type: 'launch', rounds: 3 }));
    expect(driver.asked()).toEqual(['open-round 1/2']);
  });

  it('an attempt whose abort was lost is gone on with', () => {
    const driver = running();
    must(driver.tell({ type: 'stop' }));
    driver.did('commit', members);
    driver.asked();
    must(driver.tell({ type: 'launch', rounds: 3 }));
    expect(driver.asked()).toEqual(['lock-cohort 1/1']);
  });

  it('does not ask for a round again whose release crossed the stop', () => {
    const driver = running();
    must(driver.tell({ type: 'stop' }));
    driver.see({ type: 'release' });
    expect(driver.state).toMatchObject({ phase: 'stopped', released: 1 });
    driver.see({ type: 'release' });
    driver.asked();
    must(driver.tell({ type: 'launch', rounds: 2 }));
    expect(driver.asked()).toEqual(['open-round 2/1']);
    expect('rounds' in driver.state && driver.state.rounds).toBe(3);
  });

  it('finishes when the last release comes while it gathers or waits to try again', () => {
    const gathering = new Driver().approve().connect(['adler']);
    must(gathering.tell({ type: 'launch', rounds: 1 }));
    gathering.see({ type: 'release' });
    expect(gathering.state.phase).toBe('finished');
    const between = running();
    between.see({ type: 'abort', code: 'E-ACKS-MISSING' });
    between.see({ type: 'release' }, 2);
    expect(between.asked()).toEqual(['open-round 2/1']);
  });

  it('while it gathers or waits, asks for nothing', () => {
    const gathering = new Driver().approve().connect(['adler']);
    must(gathering.tell({ type: 'launch', rounds: 1 }));
    must(gathering.tell({ type: 'stop' }));
    const waiting = running();
    waiting.see({ type: 'abort', code: 'E-ACKS-MISSING' });
    must(waiting.tell({ type: 'stop' }));
    for (const driver of [gathering, waiting]) {
      expect(driver.asked()).toEqual([]);
      expect(driver.state.phase).toBe('stopped');
    }
  });
});

describe('a coordinator that lost its log', () => {
  it('learns from the enclave’s history where the study stands', () => {
    const driver = new Driver().approve().connect();
    driver.see({ type: 'manifest' }, 1, 1);
    driver.see({ type: 'release' }, 1, 1);
    driver.see({ type: 'manifest' }, 1, 2);
    driver.see({ type: 'abort', code: 'E-ACKS-MISSING' }, 1, 2);
    driver.see({ type: 'abort', code: 'E-ACKS-MISSING' }, 4, 2);
    expect(driver.state).toMatchObject({ phase: 'enrolling', released: 1, attempted: { round: 2, attempt: 4 } });
    driver.asked();
    must(driver.tell({ type: 'launch', rounds: 3 }));
    expect(driver.asked()).toEqual(['open-round 2/5']);
  });

  it('catches up although it asked for an old attempt already', () => {
    const driver = running();
    driver.see({ type: 'abort', code: 'E-ACKS-MISSING' }, 3);
    expect(driver.state).toMatchObject({ phase: 'between', next: { round: 1, attempt: 4 } });
    driver.see({ type: 'abort', code: 'E-ACKS-MISSING' }, 2);
    expect(driver.state).toMatchObject({ phase: 'between', next: { round: 1, attempt: 4 } });
    must(driver.tell({ type: 'deadline', step: 'retry', round: 1, attempt: 3 }));
    expect(driver.asked()).toEqual(['open-round 1/4']);
  });
});
