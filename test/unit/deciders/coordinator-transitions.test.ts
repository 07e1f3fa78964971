import { describe, expect, it } from 'vitest';
import { decide } from '../../../coordinator/decider.ts';
import {
  effectsOf,
  type CoordinatorCommand,
  type CoordinatorEvent,
  type SeenStatement,
} from '../../../coordinator/event.ts';
import { evolve } from '../../../coordinator/evolve.ts';
import {
  INITIAL_STATE,
  type CoordinatorEnvironment,
  type CoordinatorState,
  type RoundStep,
} from '../../../coordinator/state.ts';
import { signWithdrawal } from '../../../lib/contract/approval.ts';
import { must } from '../../support/study-in-memory.ts';
import { HOSPITALS, organisationSigner, START, testApproval, testContract } from '../../support/test-contract.ts';

type Phase = CoordinatorState['phase'];
type Row = Exclude<Phase, 'running'> | RoundStep;
type Column =
  | Exclude<CoordinatorCommand['type'], 'see-site' | 'see-step' | 'see-statement' | 'deadline'>
  | `site ${'arrives' | 'leaves'}`
  | `site does ${Exclude<RoundStep, 'opening'>}`
  | `see ${SeenStatement['type']}`
  | `deadline ${RoundStep | 'retry'}`;

const sealed = testContract();
const environment: CoordinatorEnvironment = { sealed, gatherMs: 1_000, maxAttempts: 3 };
const [adler, birch, cedar, dogwood] = HOSPITALS;
if (adler === undefined || birch === undefined || cedar === undefined || dogwood === undefined) throw new Error('four');
const here = { round: 1, attempt: 1 };

const after = (state: CoordinatorState, ...commands: readonly CoordinatorCommand[]): CoordinatorState =>
  commands.reduce((now, command) => must(decide(environment, now, command)).reduce(evolve, now), state);
const arrives = (organisation: typeof adler): CoordinatorCommand => ({
  type: 'see-site',
  organisation,
  connected: true,
});
const did = (step: Exclude<RoundStep, 'opening'>, organisation: typeof adler): CoordinatorCommand => ({
  type: 'see-step',
  step,
  organisation,
  ...here,
});
const saw = (statement: SeenStatement, attempt = here): CoordinatorCommand => ({
  type: 'see-statement',
  statement,
  ...attempt,
});

// `cedar` is the last to do anything; `dogwood` never comes, and is waited for only while sites are gathered.
const approvals = HOSPITALS.map((id): CoordinatorCommand => ({
  type: 'receive-approval',
  at: START,
  approval: testApproval(sealed, id),
}));
const enrolling = after(INITIAL_STATE, ...approvals, arrives(adler), arrives(birch));
const gathering = after(enrolling, { type: 'launch', rounds: 2 });
const opening = after(gathering, arrives(cedar), { type: 'gathering-over' });
const commit = after(opening, saw({ type: 'manifest' }), did('commit', adler), did('commit', birch));
const cohort = [adler, birch, cedar];
const upload = after(commit, saw({ type: 'certificate', members: cohort }), did('upload', adler), did('upload', birch));
const acknowledge = after(upload, saw({ type: 'intent', members: cohort }), did('acknowledge', adler));
const between = after(commit, saw({ type: 'abort', code: 'E-COHORT-TOO-SMALL' }));
const finished = after(
  acknowledge,
  saw({ type: 'release' }),
  saw({ type: 'manifest' }, { round: 2, attempt: 1 }),
  saw({ type: 'release' }, { round: 2, attempt: 1 }),
);
const failed = after(
  [1, 2].reduce<CoordinatorState>(
    (state, attempt) =>
      after(state, saw({ type: 'abort', code: 'E-ACKS-MISSING' }, { round: 1, attempt }), {
        type: 'deadline',
        step: 'retry',
        round: 1,
        attempt,
      }),
    acknowledge,
  ),
  saw({ type: 'abort', code: 'E-ACKS-MISSING' }, { round: 1, attempt: 3 }),
);
const stopped = after(commit, { type: 'stop' });

const STATES: Record<Row, CoordinatorState> = {
  enrolling,
  gathering,
  opening,
  commit,
  upload,
  acknowledge,
  between,
  finished,
  failed,
  stopped,
};
const ROWS = Object.keys(STATES) as Row[];

const COMMANDS: Record<Column, CoordinatorCommand> = {
  'receive-approval': { type: 'receive-approval', at: START, approval: testApproval(sealed, cedar, 101) },
  'receive-withdrawal': {
    type: 'receive-withdrawal',
    withdrawal: signWithdrawal({ contract: sealed.digest, organisation: cedar, at: START }, organisationSigner(cedar)),
  },
  launch: { type: 'launch', rounds: 1 },
  'auto-launch': { type: 'auto-launch', rounds: 3 },
  'site arrives': arrives(dogwood),
  'site leaves': { type: 'see-site', organisation: adler, connected: false },
  'site does commit': did('commit', cedar),
  'site does upload': did('upload', cedar),
  'site does acknowledge': did('acknowledge', cedar),
  'see manifest': saw({ type: 'manifest' }),
  'see certificate': saw({ type: 'certificate', members: cohort }),
  'see intent': saw({ type: 'intent', members: cohort }),
  'see release': saw({ type: 'release' }),
  'see abort': saw({ type: 'abort', code: 'E-ROUND-STOPPED' }),
  'see-halt': { type: 'see-halt', code: 'E-STATE-BEHIND' },
  'gathering-over': { type: 'gathering-over' },
  'deadline opening': { type: 'deadline', step: 'opening', ...here },
  'deadline commit': { type: 'deadline', step: 'commit', ...here },
  'deadline upload': { type: 'deadline', step: 'upload', ...here },
  'deadline acknowledge': { type: 'deadline', step: 'acknowledge', ...here },
  'deadline retry': { type: 'deadline', step: 'retry', ...here },
  stop: { type: 'stop' },
};

/** What changes nothing in most rows; a row names what does. */
const QUIET: Record<Column, string> = {
  'receive-approval': 'approval-recorded',
  'receive-withdrawal': 'withdrawal-recorded',
  launch: 'E-ROUND-PHASE',
  'auto-launch': '–',
  'site arrives': 'site-seen',
  'site leaves': 'site-seen',
  'site does commit': '–',
  'site does upload': '–',
  'site does acknowledge': '–',
  'see manifest': '–',
  'see certificate': '–',
  'see intent': '–',
  // Outcomes count in every phase: one may cross a stop, and a coordinator may have lost its log.
  'see release': 'round-released',
  'see abort': '–',
  'see-halt': 'study-failed',
  'gathering-over': '–',
  'deadline opening': '–',
  'deadline commit': '–',
  'deadline upload': '–',
  'deadline acknowledge': '–',
  'deadline retry': '–',
  stop: '–',
};
const RUNNING = {
  'see release': 'round-released, round-requested',
  'see abort': 'round-aborted',
  stop: 'ask abort-round, study-ended',
};
/** enrolling → gathering → between ⇄ running → finished | failed | stopped; the running phase by its step. */
const TABLE: Record<Row, Record<Column, string>> = {
  enrolling: {
    ...QUIET,
    launch: 'launched',
    'auto-launch': 'launched',
    // Its own past, told to a coordinator that lost its log.
    'see manifest': 'learn commit',
    'see certificate': 'learn upload',
    'see intent': 'learn acknowledge',
    'see abort': 'round-aborted',
  },
  gathering: {
    ...QUIET,
    'see manifest': 'adopt commit',
    'see certificate': 'adopt upload',
    'see intent': 'adopt acknowledge',
    'see abort': 'round-aborted',
    'gathering-over': 'study-failed',
    stop: 'study-ended',
  },
  opening: {
    ...QUIET,
    ...RUNNING,
    'see manifest': 'start commit',
    'see certificate': 'start upload',
    'see intent': 'start acknowledge',
    'deadline opening': 'ask open-round',
  },
  commit: {
    ...QUIET,
    ...RUNNING,
    'site does commit': 'site-advanced, ask lock-cohort',
    'see certificate': 'start upload',
    'see intent': 'start acknowledge',
    'deadline commit': 'ask lock-cohort',
  },
  upload: {
    ...QUIET,
    ...RUNNING,
    'site does upload': 'site-advanced, ask close-collection',
    // Nobody else is waited for.
    'receive-withdrawal': 'withdrawal-recorded, ask close-collection',
    'see intent': 'start acknowledge',
    'deadline upload': 'ask close-collection',
  },
  acknowledge: {
    ...QUIET,
    ...RUNNING,
    // The enclave releases by itself on the last acknowledgement.
    'site does acknowledge': 'site-advanced',
    'deadline acknowledge': 'ask close-acknowledgement',
  },
  between: {
    ...QUIET,
    'see release': 'round-released, round-requested',
    'deadline retry': 'round-requested',
    stop: 'study-ended',
  },
  // Fewer rounds were launched than the contract has: the rest may follow.
  finished: { ...QUIET, launch: 'launched', 'see release': '–' },
  failed: { ...QUIET, launch: 'launched' },
  // Two of three had committed, and the enclave has not said yet that the attempt is over.
  stopped: {
    ...QUIET,
    launch: 'launched, adopt commit',
    'site does commit': 'site-advanced',
    'see certificate': 'learn upload',
    'see intent': 'learn acknowledge',
    'see abort': 'round-aborted',
  },
};

describe('the coordinator decider, phase × command', () => {
  it('has a state of every phase and step', () => {
    for (const row of ROWS) {
      const { phase } = STATES[row];
      expect(phase === 'running' ? STATES[row].current.step : phase).toBe(row);
    }
  });

  it.each(ROWS)('%s', (row) => {
    const outcomes = Object.fromEntries(
      Object.entries(COMMANDS).map(([column, command]) => {
        const decision = decide(environment, STATES[row], command);
        if (!decision.ok) return [column, decision.error.code];
        decision.value.reduce(evolve, STATES[row]);
        return [column, describeEvents(decision.value)];
      }),
    );
    expect(outcomes).toEqual(TABLE[row]);
  });

  it.each(ROWS)('ignores in %s what belongs to another attempt', (row) => {
    const elsewhere = [
      { round: 1, attempt: 7 },
      { round: 9, attempt: 1 },
    ];
    for (const attempt of elsewhere) {
      for (const command of Object.values(COMMANDS)) {
        if (!('attempt' in command) || command.type === 'see-statement') continue;
        expect(must(decide(environment, STATES[row], { ...command, ...attempt }))).toEqual([]);
      }
    }
  });
});

const IN_ROUND: readonly Row[] = ['opening', 'commit', 'upload', 'acknowledge'];
const AT_REST: readonly Row[] = ['enrolling', 'finished', 'failed', 'stopped'];
const POSSIBLE: Record<CoordinatorEvent['type'], readonly Row[]> = {
  'approval-recorded': ROWS,
  'withdrawal-recorded': ROWS,
  launched: AT_REST,
  'site-seen': ROWS,
  'round-requested': ['gathering', 'between'],
  'attempt-learned': AT_REST,
  'attempt-adopted': ['gathering', ...IN_ROUND, 'between'],
  'step-started': IN_ROUND,
  // Stopped, it still hears what hospitals do in the attempt that was under way.
  'site-advanced': [...IN_ROUND, 'stopped'],
  'action-requested': IN_ROUND,
  'round-released': ROWS,
  'round-aborted': ROWS,
  'study-ended': ['gathering', ...IN_ROUND, 'between'],
  'study-failed': ROWS,
};
const EVENTS: { readonly [T in CoordinatorEvent['type']]: Extract<CoordinatorEvent, { type: T }> } = {
  'approval-recorded': { type: 'approval-recorded', organisation: cedar, approval: new Uint8Array(), expires: START },
  'withdrawal-recorded': { type: 'withdrawal-recorded', organisation: cedar, withdrawal: Uint8Array.of(7) },
  launched: { type: 'launched', rounds: 1, gatherMs: 1 },
  'site-seen': { type: 'site-seen', organisation: cedar, connected: true },
  'round-requested': { type: 'round-requested', ...here },
  'attempt-learned': { type: 'attempt-learned', step: 'upload', expected: [cedar], ...here },
  'attempt-adopted': { type: 'attempt-adopted', step: 'upload', expected: [cedar], done: [], deadlineMs: 5, ...here },
  'step-started': { type: 'step-started', step: 'commit', expected: [cedar], deadlineMs: 5, ...here },
  'site-advanced': { type: 'site-advanced', step: 'commit', organisation: cedar, ...here },
  'action-requested': { type: 'action-requested', action: 'close-acknowledgement', againMs: 5, ...here },
  'round-released': { type: 'round-released', ...here },
  'round-aborted': { type: 'round-aborted', code: 'E-ROUND-STOPPED', retryInMs: 250, ...here },
  'study-ended': { type: 'study-ended', outcome: 'stopped' },
  'study-failed': { type: 'study-failed', code: 'E-COHORT-TOO-SMALL' },
};

describe('the coordinator evolves only by events that its decider could have made', () => {
  it.each(Object.values(EVENTS))('$type', (event) => {
    const accepting = ROWS.filter((row) => {
      try {
        evolve(STATES[row], event);
        return true;
      } catch {
        return false;
      }
    });
    expect(accepting).toEqual(POSSIBLE[event.type]);
  });

  it('asks its shell for the effects of each event', () => {
    const effects = Object.fromEntries(Object.values(EVENTS).map((event) => [event.type, effectsOf(event)]));
    expect(effects).toEqual({
      'approval-recorded': [],
      'withdrawal-recorded': [{ type: 'withdraw', withdrawal: Uint8Array.of(7) }],
      launched: [{ type: 'gathering-timer', ms: 1 }],
      'site-seen': [],
      'round-requested': [
        { type: 'advance', action: 'open-round', ...here },
        { type: 'timer', step: 'opening', ms: 5_000, ...here },
      ],
      'attempt-learned': [],
      'attempt-adopted': [{ type: 'timer', step: 'upload', ms: 5, ...here }],
      'step-started': [{ type: 'timer', step: 'commit', ms: 5, ...here }],
      'site-advanced': [],
      'action-requested': [
        { type: 'advance', action: 'close-acknowledgement', ...here },
        { type: 'timer', step: 'acknowledge', ms: 5, ...here },
      ],
      'round-released': [],
      'round-aborted': [{ type: 'timer', step: 'retry', ms: 250, ...here }],
      'study-ended': [],
      'study-failed': [],
    });
  });
});

function describeEvents(events: readonly CoordinatorEvent[]): string {
  if (events.length === 0) return '–';
  const named = events.map((event) => {
    if (event.type === 'action-requested') return `ask ${event.action}`;
    if (event.type === 'step-started') return `start ${event.step}`;
    if (event.type === 'attempt-learned') return `learn ${event.step}`;
    return event.type === 'attempt-adopted' ? `adopt ${event.step}` : event.type;
  });
  return named.join(', ');
}
