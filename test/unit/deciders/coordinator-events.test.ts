import { describe, expect, it } from 'vitest';
import { decide } from '../../../coordinator/decider.ts';
import type { CoordinatorCommand, CoordinatorEvent, SeenStatement } from '../../../coordinator/event.ts';
import { evolve } from '../../../coordinator/evolve.ts';
import { INITIAL_STATE, type CoordinatorEnvironment, type CoordinatorState } from '../../../coordinator/state.ts';
import { signWithdrawal } from '../../../lib/contract/approval.ts';
import type { StudyContract } from '../../../lib/contract/study-contract.ts';
import { organisationId, type OrganisationId } from '../../../lib/core/ids.ts';
import { must } from '../../support/study-in-memory.ts';
import { HOSPITALS, organisationSigner, START, testApproval, testContract } from '../../support/test-contract.ts';

const [adler, birch, cedar, dogwood] = (['adler', 'birch', 'cedar', 'dogwood'] as const).map(organisationId) as [
  OrganisationId,
  OrganisationId,
  OrganisationId,
  OrganisationId,
];
const at = (round: number, attempt: number): { readonly round: number; readonly attempt: number } => ({
  round,
  attempt,
});

/** The pure decider with its state, and, one by one, the events of what it was told last. */
class Coordinator {
  state: CoordinatorState = INITIAL_STATE;
  readonly environment: CoordinatorEnvironment;

  constructor(change: Partial<CoordinatorEnvironment> = {}, contract: Partial<StudyContract> = {}) {
    this.environment = { sealed: testContract(contract), gatherMs: 60_000, maxAttempts: 3, ...change };
  }

  tell(...commands: readonly CoordinatorCommand[]): readonly CoordinatorEvent[] {
    let newest: readonly CoordinatorEvent[] = [];
    for (const command of commands) {
      newest = must(decide(this.environment, this.state, command));
      this.state = newest.reduce(evolve, this.state);
    }
    return newest;
  }

  approvedBy(...ids: readonly OrganisationId[]): this {
    const { sealed } = this.environment;
    for (const id of ids) this.tell({ type: 'receive-approval', at: START, approval: testApproval(sealed, id) });
    return this;
  }

  withdraws(organisation: OrganisationId): readonly CoordinatorEvent[] {
    const fields = { contract: this.environment.sealed.digest, organisation, at: START };
    const withdrawal = signWithdrawal(fields, organisationSigner(organisation));
    return this.tell({ type: 'receive-withdrawal', withdrawal });
  }
}

const arrives = (organisation: OrganisationId): CoordinatorCommand => ({
  type: 'see-site',
  organisation,
  connected: true,
});
const leaves = (organisation: OrganisationId): CoordinatorCommand => ({
  type: 'see-site',
  organisation,
  connected: false,
});
const saw = (statement: SeenStatement, round = 1, attempt = 1): CoordinatorCommand => ({
  type: 'see-statement',
  statement,
  ...at(round, attempt),
});
const did = (step: 'commit' | 'upload' | 'acknowledge', organisation: OrganisationId): CoordinatorCommand => ({
  type: 'see-step',
  step,
  organisation,
  ...at(1, 1),
});
const launch = (rounds: number): CoordinatorCommand => ({ type: 'launch', rounds });
const autoLaunch = (rounds: number): CoordinatorCommand => ({ type: 'auto-launch', rounds });
const aborted: SeenStatement = { type: 'abort', code: 'E-COHORT-TOO-SMALL' };
const ready = (change: Partial<CoordinatorEnvironment> = {}): Coordinator =>
  new Coordinator(change).approvedBy(...HOSPITALS);

/** Four hospitals in the first attempt of the first round, up to the end of the step named. */
function inRound(step: 'opening' | 'commit' | 'upload' | 'acknowledge', change = {}): Coordinator {
  const coordinator = ready(change);
  coordinator.tell(...HOSPITALS.map(arrives), launch(2));
  const statements: readonly SeenStatement[] = [
    { type: 'manifest' },
    { type: 'certificate', members: [adler, birch, cedar] },
    { type: 'intent', members: [adler, birch, cedar] },
  ];
  const count = ['opening', 'commit', 'upload', 'acknowledge'].indexOf(step);
  coordinator.tell(...statements.slice(0, count).map((statement) => saw(statement)));
  return coordinator;
}

describe('a launch', () => {
  it('refused for want of approvals says how many there are', () => {
    const { environment, state } = new Coordinator().approvedBy(adler, birch);
    const decision = decide(environment, state, launch(1));
    expect(decision.ok || decision.error).toEqual({
      code: 'E-APPROVALS-MISSING',
      detail: '',
      got: '2',
      want: 'at least 3',
    });
  });

  it('of a configuration happens by itself once enough have approved, for no more rounds than the contract has', () => {
    const early = new Coordinator().approvedBy(adler, birch);
    expect(early.tell(autoLaunch(9))).toEqual([]);
    expect(early.approvedBy(cedar).tell(autoLaunch(9))).toEqual([{ type: 'launched', rounds: 3, gatherMs: 60_000 }]);
  });

  it('of a configuration is over where its rounds are released, and asks nobody what is under way', () => {
    const over = ready();
    over.tell(saw({ type: 'release' }, 1), saw({ type: 'release' }, 2));
    expect(over.tell(autoLaunch(2))).toEqual([
      { type: 'launched', rounds: 2, gatherMs: 60_000 },
      { type: 'study-ended', outcome: 'finished' },
    ]);
    expect(over.state.phase).toBe('finished');

    // Somebody had launched more by hand: the attempt that this left behind is not ended by a word about fewer rounds.
    const more = ready();
    more.tell(saw({ type: 'release' }, 1), saw({ type: 'release' }, 2), saw({ type: 'manifest' }, 3));
    expect(more.tell(autoLaunch(2))).toEqual([]);
    expect(more.state.phase).toBe('enrolling');
  });

  it('opens with the required hospitals there, when the wait is over', () => {
    const coordinator = new Coordinator({}, { requireSites: [cedar] }).approvedBy(...HOSPITALS);
    coordinator.tell(arrives(adler), arrives(birch), arrives(cedar), launch(1));
    expect(coordinator.tell({ type: 'gathering-over' })).toEqual([{ type: 'round-requested', ...at(1, 1) }]);
  });
});

describe('hospitals that come and go', () => {
  it('are told once', () => {
    const coordinator = ready();
    expect(coordinator.tell(leaves(adler))).toEqual([]);
    expect(coordinator.tell(arrives(adler))).toEqual([{ type: 'site-seen', organisation: adler, connected: true }]);
    expect(coordinator.tell(arrives(adler))).toEqual([]);
    expect(coordinator.state.connected).toEqual(new Set([adler]));
    expect(coordinator.tell(leaves(adler))).toEqual([{ type: 'site-seen', organisation: adler, connected: false }]);
    expect(coordinator.state.connected).toEqual(new Set());
  });

  it('are not waited for once they left before committing; later their update may still come', () => {
    const committing = inRound('commit');
    committing.tell(did('commit', adler), did('commit', birch), leaves(dogwood));
    expect(committing.state.phase === 'running' && committing.state.current.expected).toEqual(
      new Set([adler, birch, cedar]),
    );
    expect(committing.tell(did('commit', cedar)).at(-1)).toMatchObject({ action: 'lock-cohort' });

    const uploading = inRound('upload');
    uploading.tell(did('upload', adler), did('upload', birch));
    expect(uploading.tell(leaves(cedar))).toEqual([{ type: 'site-seen', organisation: cedar, connected: false }]);
    expect(uploading.tell(arrives(cedar))).toEqual([{ type: 'site-seen', organisation: cedar, connected: true }]);
    expect(uploading.state.phase === 'running' && uploading.state.current.expected).toEqual(
      new Set([adler, birch, cedar]),
    );
    expect(uploading.tell(did('upload', cedar)).at(-1)).toMatchObject({ action: 'close-collection' });
  });

  it('and withdraw after they did what was asked of them: the step is closed once', () => {
    const coordinator = inRound('upload');
    coordinator.tell(did('upload', adler), did('upload', birch), did('upload', cedar));
    expect(coordinator.withdraws(adler).map(({ type }) => type)).toEqual(['withdrawal-recorded']);
    const elsewhere = inRound('upload');
    elsewhere.tell(did('upload', adler), did('upload', birch), did('upload', cedar));
    // Never in the cohort.
    expect(elsewhere.withdraws(dogwood).map(({ type }) => type)).toEqual(['withdrawal-recorded']);
  });
});

describe('the steps of an attempt', () => {
  it('wait for who is there, then for the cohort, then for the accepted set, as long as the contract says', () => {
    const coordinator = inRound('opening');
    coordinator.tell(leaves(dogwood));
    const { deadlines } = coordinator.environment.sealed.contract;
    const started = (step: string, expected: readonly OrganisationId[], deadlineMs: number): object[] => [
      { type: 'step-started', ...at(1, 1), step, expected, deadlineMs },
    ];
    expect(coordinator.tell(saw({ type: 'manifest' }))).toEqual(
      started('commit', [adler, birch, cedar], deadlines.commitMs),
    );
    const members = [adler, birch, dogwood];
    expect(coordinator.tell(saw({ type: 'certificate', members }))).toEqual(
      started('upload', members, deadlines.uploadMs),
    );
    const accepted = [adler, dogwood];
    expect(coordinator.tell(saw({ type: 'intent', members: accepted }))).toEqual(
      started('acknowledge', accepted, deadlines.acknowledgeMs),
    );
  });

  it('are closed at their deadlines; only a missing acknowledgement is asked for again', () => {
    const closing = (step: 'opening' | 'commit' | 'upload' | 'acknowledge'): readonly CoordinatorEvent[] =>
      inRound(step).tell({ type: 'deadline', step, ...at(1, 1) });
    const asked = (action: string, againMs: number | null): object[] => [
      { type: 'action-requested', action, ...at(1, 1), againMs },
    ];
    expect(closing('opening')).toEqual(asked('open-round', null));
    expect(closing('commit')).toEqual(asked('lock-cohort', null));
    expect(closing('upload')).toEqual(asked('close-collection', null));
    expect(closing('acknowledge')).toEqual(asked('close-acknowledgement', 5_000));
  });

  it('count the deadlines that passed without acknowledgements, and no other', () => {
    const waited = (coordinator: Coordinator): number =>
      coordinator.state.phase === 'running' ? coordinator.state.current.waited : -1;
    const uploading = inRound('upload');
    uploading.tell({ type: 'deadline', step: 'upload', ...at(1, 1) });
    expect(waited(uploading)).toBe(0);
    const acknowledging = inRound('acknowledge');
    acknowledging.tell({ type: 'deadline', step: 'acknowledge', ...at(1, 1) });
    expect(waited(acknowledging)).toBe(1);
  });
});

describe('an attempt that ends', () => {
  it('with a release is not ended by the same release again', () => {
    const coordinator = inRound('acknowledge');
    expect(coordinator.tell(saw({ type: 'release' }))).toEqual([
      { type: 'round-released', ...at(1, 1) },
      { type: 'round-requested', ...at(2, 1) },
    ]);
    expect(coordinator.tell(saw({ type: 'release' }))).toEqual([]);
    expect(coordinator.tell(saw({ type: 'release' }, 2)).at(-1)).toEqual({
      type: 'study-ended',
      outcome: 'finished',
    });
  });

  it('without one is counted against the study only while the study runs', () => {
    const running = inRound('commit', { maxAttempts: 1 });
    expect(running.tell(saw(aborted)).map(({ type }) => type)).toEqual(['round-aborted', 'study-failed']);
    expect(running.state).toMatchObject({ phase: 'failed', code: 'E-COHORT-TOO-SMALL', underWay: null });

    const waiting = inRound('commit', { maxAttempts: 2 });
    waiting.tell(saw(aborted));
    expect(waiting.state).toMatchObject({ phase: 'between', next: at(1, 2), failures: 1, attempted: at(1, 1) });
    // The enclave's own restart ended an attempt that this coordinator had not asked for yet.
    expect(waiting.tell(saw(aborted, 1, 2)).map(({ type }) => type)).toEqual(['round-aborted', 'study-failed']);

    const gathering = ready({ maxAttempts: 1 });
    gathering.tell(arrives(adler), launch(1));
    expect(gathering.tell(saw(aborted)).map(({ type }) => type)).toEqual(['round-aborted']);
    expect(gathering.state).toMatchObject({ phase: 'gathering', rounds: 1, failures: 0, attempted: at(1, 1) });

    const resting = ready({ maxAttempts: 1 });
    expect(resting.tell(saw(aborted)).map(({ type }) => type)).toEqual(['round-aborted']);
    expect(resting.state).toMatchObject({ phase: 'enrolling', attempted: at(1, 1) });
  });

  it('behind a log that lost its end is either tried again or the end of the study', () => {
    const lost = inRound('acknowledge');
    lost.state = evolve(lost.state, { type: 'round-released', ...at(1, 1) });
    expect(lost.state).toMatchObject({ phase: 'between', released: 1, failures: 0, next: at(2, 1) });
    expect(lost.tell({ type: 'deadline', step: 'retry', ...at(2, 0) })).toEqual([
      { type: 'round-requested', ...at(2, 1) },
    ]);
    lost.state = evolve(lost.state, { type: 'round-released', ...at(2, 1) });
    expect(lost.tell({ type: 'deadline', step: 'retry', ...at(3, 0) })).toEqual([
      { type: 'study-ended', outcome: 'finished' },
    ]);
  });
});

describe('a study that stops or fails', () => {
  it('leaves behind what the enclave is in, and goes on with it', () => {
    const coordinator = inRound('commit');
    coordinator.tell(did('commit', adler), { type: 'stop' });
    expect(coordinator.state).toMatchObject({
      phase: 'stopped',
      underWay: { ...at(1, 1), step: 'commit', done: new Set([adler]), waited: 0 },
    });
    coordinator.withdraws(birch);
    expect(coordinator.tell(launch(1))).toEqual([
      { type: 'launched', rounds: 1, gatherMs: 60_000 },
      {
        type: 'attempt-adopted',
        ...at(1, 1),
        step: 'commit',
        expected: [adler, cedar, dogwood],
        done: [adler],
        deadlineMs: 5_000,
      },
    ]);
    expect(coordinator.state).toMatchObject({
      phase: 'running',
      rounds: 1,
      attempted: at(1, 1),
      current: {
        ...at(1, 1),
        step: 'commit',
        expected: new Set([adler, cedar, dogwood]),
        done: new Set([adler]),
        waited: 0,
      },
    });
  });

  it('leaves nothing behind where the enclave was only asked', () => {
    const coordinator = inRound('opening');
    expect(coordinator.state).toMatchObject({
      attempted: at(1, 1),
      current: { ...at(1, 1), step: 'opening', expected: new Set(), done: new Set() },
    });
    coordinator.tell({ type: 'stop' });
    expect(coordinator.state).toMatchObject({ phase: 'stopped', underWay: null, attempted: at(1, 1) });
  });

  it('by an enclave that halted says so once for each reason', () => {
    const coordinator = inRound('upload');
    const halts: CoordinatorCommand = { type: 'see-halt', code: 'E-STATE-BEHIND' };
    expect(coordinator.tell(halts)).toEqual([{ type: 'study-failed', code: 'E-STATE-BEHIND' }]);
    expect(coordinator.state).toMatchObject({ phase: 'failed', underWay: { step: 'upload' } });
    expect(coordinator.tell(halts)).toEqual([]);
    expect(coordinator.tell({ type: 'see-halt', code: 'E-STATEMENT-CHAIN' })).toEqual([
      { type: 'study-failed', code: 'E-STATEMENT-CHAIN' },
    ]);
    expect(coordinator.state).toMatchObject({ phase: 'failed', underWay: { step: 'upload' } });
  });
});

describe('what a coordinator at rest learns from the enclave', () => {
  it('is the attempt under way: all hospitals may commit, the cohort upload, the accepted set acknowledge', () => {
    const coordinator = ready();
    expect(coordinator.tell(saw({ type: 'manifest' }))).toEqual([
      { type: 'attempt-learned', ...at(1, 1), step: 'commit', expected: [adler, birch, cedar, dogwood] },
    ]);
    expect(coordinator.state).toEqual({
      ...coordinator.state,
      attempted: at(1, 1),
      underWay: {
        ...at(1, 1),
        step: 'commit',
        expected: new Set([adler, birch, cedar, dogwood]),
        done: new Set(),
        waited: 0,
      },
    });
    coordinator.tell(saw({ type: 'certificate', members: [adler, birch] }));
    expect(coordinator.state).toMatchObject({ underWay: { step: 'upload', expected: new Set([adler, birch]) } });
    // Told again from the beginning.
    expect(coordinator.tell(saw({ type: 'manifest' }))).toEqual([]);
  });

  it('is never an attempt behind what it knows', () => {
    const learns = (coordinator: Coordinator, round: number, attempt: number): string =>
      coordinator
        .tell(saw({ type: 'manifest' }, round, attempt))
        .map(({ type }) => type)
        .join();
    const coordinator = ready();
    coordinator.tell(saw({ type: 'release' }, 1), saw(aborted, 2, 3));
    expect(coordinator.state).toMatchObject({ released: 1, attempted: at(2, 3), underWay: null });
    // Released; aborted; an earlier attempt.
    for (const [round, attempt] of [
      [1, 9],
      [2, 3],
      [2, 2],
    ] as const)
      expect(learns(coordinator, round, attempt), `${round}/${attempt}`).toBe('');
    expect(learns(coordinator, 2, 4)).toBe('attempt-learned');
    // A later round counts from 1 again.
    expect(learns(coordinator, 3, 1)).toBe('attempt-learned');
  });

  it('is forgotten with its release, and kept behind the release of an earlier round', () => {
    const coordinator = ready();
    coordinator.tell(saw({ type: 'manifest' }, 2));
    coordinator.tell(saw({ type: 'release' }, 1));
    expect(coordinator.state).toMatchObject({ released: 1, underWay: at(2, 1) });
    coordinator.tell(saw({ type: 'release' }, 2));
    expect(coordinator.state).toMatchObject({ released: 2, underWay: null });
  });

  it('while it gathers: a release counts, and it goes on gathering', () => {
    const coordinator = ready();
    coordinator.tell(arrives(adler), launch(3), saw({ type: 'release' }, 1));
    expect(coordinator.state).toMatchObject({ phase: 'gathering', rounds: 3, released: 1 });
    expect('next' in coordinator.state).toBe(false);
  });
});

describe('a log that no coordinator could have written', () => {
  it('is a bug or another program’s: the fault names the event and the phase', () => {
    const advanced = { type: 'site-advanced', step: 'commit', organisation: adler, ...at(1, 1) } as const;
    expect(() => evolve(INITIAL_STATE, advanced)).toThrow('site-advanced in phase enrolling');
    const gathering = ready();
    gathering.tell(arrives(adler), launch(1));
    expect(() => evolve(gathering.state, advanced)).toThrow('site-advanced in phase gathering');
    expect(() => evolve(INITIAL_STATE, { type: 'study-ended', outcome: 'stopped' })).toThrow(
      'study-ended in phase enrolling',
    );
  });
});
