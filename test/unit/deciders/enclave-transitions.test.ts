import { describe, expect, it } from 'vitest';
import { decide } from '../../../aggregator-enclave/decider.ts';
import type { EnclaveCommand, EnclaveEvent } from '../../../aggregator-enclave/event.ts';
import { evolve } from '../../../aggregator-enclave/evolve.ts';
import { headOfState, type EnclaveState } from '../../../aggregator-enclave/state.ts';
import type { Statement } from '../../../lib/audit/statement.ts';
import { describeEvents, enclavePhases } from './enclave-phases.ts';
import { linkedStatement, STATEMENT_TYPES } from './linked-statement.ts';

type Phase = EnclaveState['phase'];

/**
 * PROTOCOL §7: idle → open → locked → collecting → committed → released | aborted. One row for each phase, one cell for
 * each command; the type refuses a table that misses one. `–`: nothing changes. See `enclavePhases` for the states.
 */
const TABLE: Record<Phase, Record<EnclaveCommand['type'], string>> = {
  unborn: {
    boot: 'born → idle',
    'record-approval': 'approval-recorded → unborn',
    'open-round': 'E-ROUND-PHASE',
    'receive-commit': 'E-ROUND-PHASE',
    'lock-cohort': 'E-ROUND-PHASE',
    'receive-header': 'E-ROUND-PHASE',
    'receive-update': 'E-ROUND-PHASE',
    'close-collection': 'E-ROUND-PHASE',
    'receive-acknowledgement': 'E-ROUND-PHASE',
    'close-acknowledgement': 'E-ROUND-PHASE',
    'abort-round': 'E-ROUND-PHASE',
    'record-publication': 'E-ROUND-PHASE',
    'receive-withdrawal': 'E-ROUND-PHASE',
    'receive-head-proof': 'E-ROUND-PHASE',
    'receive-model': 'E-ROUND-PHASE',
  },
  idle: {
    boot: '–',
    'record-approval': 'approval-recorded → idle',
    'open-round': 'E-ROUND-MANIFEST',
    'receive-commit': 'E-ROUND-PHASE',
    'lock-cohort': 'E-ROUND-PHASE',
    'receive-header': 'E-ROUND-PHASE',
    'receive-update': 'E-ROUND-PHASE',
    'close-collection': 'E-ROUND-PHASE',
    'receive-acknowledgement': 'E-ROUND-PHASE',
    'close-acknowledgement': 'E-ROUND-PHASE',
    'abort-round': 'E-ROUND-PHASE',
    'record-publication': 'publication-recorded → idle',
    'receive-withdrawal': 'withdrawal-recorded → idle',
    'receive-head-proof': 'halted → halted',
    'receive-model': '–',
  },
  open: {
    boot: 'abort → aborted',
    'record-approval': 'approval-recorded → open',
    // A later attempt of the same round: the running one was given up.
    'open-round': 'abort, manifest → open',
    'receive-commit': 'commit-accepted → open',
    'lock-cohort': 'certificate → locked',
    'receive-header': 'E-ROUND-PHASE',
    'receive-update': 'E-ROUND-PHASE',
    'close-collection': 'E-ROUND-PHASE',
    'receive-acknowledgement': 'E-ROUND-PHASE',
    'close-acknowledgement': 'E-ROUND-PHASE',
    'abort-round': 'abort → aborted',
    'record-publication': 'publication-recorded → open',
    'receive-withdrawal': 'withdrawal-recorded → open',
    'receive-head-proof': 'halted → halted',
    'receive-model': '–',
  },
  locked: {
    boot: 'abort → aborted',
    'record-approval': 'approval-recorded → locked',
    'open-round': 'abort, manifest → open',
    'receive-commit': '–',
    'lock-cohort': '–',
    'receive-header': 'header-accepted → collecting',
    'receive-update': 'E-UPDATE-COMMITMENT',
    // Nobody has uploaded: too few.
    'close-collection': 'abort → aborted',
    'receive-acknowledgement': 'E-ROUND-PHASE',
    'close-acknowledgement': 'E-ROUND-PHASE',
    'abort-round': 'abort → aborted',
    'record-publication': 'publication-recorded → locked',
    'receive-withdrawal': 'withdrawal-recorded → locked',
    'receive-head-proof': 'halted → halted',
    'receive-model': '–',
  },
  collecting: {
    boot: 'abort → aborted',
    'record-approval': 'approval-recorded → collecting',
    'open-round': 'abort, manifest → open',
    'receive-commit': '–',
    'lock-cohort': '–',
    'receive-header': 'header-accepted → collecting',
    'receive-update': 'E-UPDATE-COMMITMENT',
    'close-collection': 'result-sealed → committed',
    'receive-acknowledgement': 'E-ROUND-PHASE',
    'close-acknowledgement': 'E-ROUND-PHASE',
    'abort-round': 'abort → aborted',
    'record-publication': 'publication-recorded → collecting',
    'receive-withdrawal': 'withdrawal-recorded → collecting',
    'receive-head-proof': 'halted → halted',
    'receive-model': '–',
  },
  committed: {
    // The sealed result is finished, never given up (PROTOCOL §7.8).
    boot: '–',
    'record-approval': 'approval-recorded → committed',
    'open-round': 'E-ROUND-SEALED',
    'receive-commit': 'E-ROUND-PHASE',
    'lock-cohort': 'E-ROUND-PHASE',
    'receive-header': 'E-ROUND-PHASE',
    'receive-update': 'E-ROUND-PHASE',
    'close-collection': '–',
    'receive-acknowledgement': 'acknowledgement-accepted → committed',
    // Two of three needed: it waits.
    'close-acknowledgement': 'E-ACKS-MISSING',
    'abort-round': 'E-ROUND-SEALED',
    'record-publication': 'publication-recorded → committed',
    'receive-withdrawal': 'withdrawal-recorded → committed',
    'receive-head-proof': 'halted → halted',
    'receive-model': '–',
  },
  released: {
    boot: '–',
    'record-approval': 'approval-recorded → released',
    // One release for each parent (PROTOCOL §7.2).
    'open-round': 'E-PARENT-REUSED',
    'receive-commit': 'E-ROUND-PHASE',
    'lock-cohort': 'E-ROUND-PHASE',
    'receive-header': 'E-ROUND-PHASE',
    'receive-update': 'E-ROUND-PHASE',
    'close-collection': 'E-ROUND-PHASE',
    'receive-acknowledgement': 'E-ROUND-PHASE',
    'close-acknowledgement': '–',
    'abort-round': 'E-ROUND-PHASE',
    'record-publication': 'publication-recorded → released',
    'receive-withdrawal': 'withdrawal-recorded → released',
    'receive-head-proof': 'halted → halted',
    'receive-model': '–',
  },
  aborted: {
    boot: '–',
    'record-approval': 'approval-recorded → aborted',
    'open-round': 'manifest → open',
    'receive-commit': 'E-ROUND-PHASE',
    'lock-cohort': 'E-ROUND-PHASE',
    'receive-header': 'E-ROUND-PHASE',
    'receive-update': 'E-ROUND-PHASE',
    'close-collection': 'E-ROUND-PHASE',
    'receive-acknowledgement': 'E-ROUND-PHASE',
    'close-acknowledgement': 'E-ROUND-PHASE',
    'abort-round': 'E-ROUND-PHASE',
    'record-publication': 'publication-recorded → aborted',
    'receive-withdrawal': 'withdrawal-recorded → aborted',
    'receive-head-proof': 'halted → halted',
    'receive-model': '–',
  },
  halted: {
    boot: 'E-STATE-BEHIND',
    'record-approval': 'E-STATE-BEHIND',
    'open-round': 'E-STATE-BEHIND',
    'receive-commit': 'E-STATE-BEHIND',
    'lock-cohort': 'E-STATE-BEHIND',
    'receive-header': 'E-STATE-BEHIND',
    'receive-update': 'E-STATE-BEHIND',
    'close-collection': 'E-STATE-BEHIND',
    'receive-acknowledgement': 'E-STATE-BEHIND',
    'close-acknowledgement': 'E-STATE-BEHIND',
    'abort-round': 'E-STATE-BEHIND',
    'record-publication': 'E-STATE-BEHIND',
    'receive-withdrawal': 'E-STATE-BEHIND',
    'receive-head-proof': 'E-STATE-BEHIND',
    'receive-model': 'E-STATE-BEHIND',
  },
};

const { study, states, commands, log } = enclavePhases();
const { environment } = study.enclave;
const PHASES = Object.keys(TABLE) as Phase[];

describe('the enclave decider, phase × command', () => {
  it('has a state of every phase', () => {
    for (const phase of PHASES) expect(states[phase].phase).toBe(phase);
  });

  it.each(PHASES)('%s', (phase) => {
    const outcomes = Object.fromEntries(
      Object.entries(commands).map(([type, command]) => {
        const decision = decide(environment, states[phase], command);
        if (!decision.ok) return [type, decision.error.code];
        const after = decision.value.reduce((state, event) => evolve(environment, state, event), states[phase]);
        return [type, describeEvents(decision.value, after)];
      }),
    );
    expect(outcomes).toEqual(TABLE[phase]);
  });
});

/** Where each event may stand in a log. */
const POSSIBLE: Record<EnclaveEvent['type'], readonly Phase[]> = {
  'approval-recorded': ['unborn', 'idle', 'open', 'locked', 'collecting', 'committed', 'released', 'aborted'],
  born: ['unborn'],
  // Of the statements the last release of the log, which only the committed state can issue, and only there follows.
  'statement-issued': ['committed'],
  'model-loaded': ['idle', 'open', 'locked', 'collecting', 'committed', 'released', 'aborted'],
  'commit-accepted': ['open'],
  'header-accepted': ['locked', 'collecting'],
  'update-accepted': ['collecting'],
  'result-sealed': ['locked', 'collecting'],
  'acknowledgement-accepted': ['committed'],
  'withdrawal-recorded': ['idle', 'open', 'locked', 'collecting', 'committed', 'released', 'aborted'],
  'publication-recorded': ['idle', 'open', 'locked', 'collecting', 'committed', 'released', 'aborted'],
  halted: ['idle', 'open', 'locked', 'collecting', 'committed', 'released', 'aborted'],
};

/** Where each statement may be issued as such; genesis and intent travel in events of their own. */
const ISSUED_IN: Record<Statement['type'], readonly Phase[]> = {
  genesis: [],
  manifest: ['idle', 'released', 'aborted'],
  certificate: ['open'],
  intent: [],
  release: ['committed'],
  abort: ['open', 'locked', 'collecting', 'committed'],
};

describe('the enclave evolves only by events that its decider could have made', () => {
  const sample = new Map(log.map((event) => [event.type, event]));
  sample.set('withdrawal-recorded', {
    type: 'withdrawal-recorded',
    organisation: study.site('cedar').environment.organisation,
    withdrawal: Uint8Array.of(1, 2),
  });
  const { ledger } = states.released as Extract<EnclaveState, { phase: 'released' }>;
  if (ledger.model.content === null) throw new Error('no content');
  const { fixedBy, content } = ledger.model;
  sample.set('model-loaded', { type: 'model-loaded', fixedBy, content });
  if (states.halted.phase === 'halted') sample.set('halted', { type: 'halted', refusal: states.halted.refusal });

  it.each(Object.keys(POSSIBLE) as EnclaveEvent['type'][])('%s', (type) => {
    const event = sample.get(type);
    if (event === undefined) throw new Error(`the log holds no ${type}`);
    const accepting = PHASES.filter((phase) => !throws(() => evolve(environment, states[phase], event)));
    expect(accepting).toEqual(POSSIBLE[type]);
  });

  it.each(STATEMENT_TYPES)('a %s, linked from the head', (type) => {
    const accepting = PHASES.filter((phase) => {
      const after = headOfState(states[phase]);
      const statement = linkedStatement(type, { like: study.enclave.statements(), after, signer: environment.signer });
      return !throws(() => evolve(environment, states[phase], { type: 'statement-issued', statement }));
    });
    expect(accepting).toEqual(ISSUED_IN[type]);
  });
});

function throws(action: () => unknown): boolean {
  try {
    action();
    return false;
  } catch {
    return true;
  }
}
