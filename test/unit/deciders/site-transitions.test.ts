import { describe, expect, it } from 'vitest';
import { headOfChain } from '../../../lib/audit/chain.ts';
import type { Statement } from '../../../lib/audit/statement.ts';
import { signWithdrawal } from '../../../lib/contract/approval.ts';
import { updateCommitment } from '../../../lib/learning/update-codec.ts';
import { decide } from '../../../site-agent/decider.ts';
import type { SiteCommand, SiteEvent } from '../../../site-agent/event.ts';
import { evolve } from '../../../site-agent/evolve.ts';
import type { Activity, SiteState } from '../../../site-agent/state.ts';
import { MemoryStudy, must } from '../../support/study-in-memory.ts';
import { digestOf, organisationSigner, START, testContract } from '../../support/test-contract.ts';
import { linkedStatement, STATEMENT_TYPES } from './linked-statement.ts';

type Row = Activity['phase'] | 'release seen' | 'withdrawn' | 'behind';
type Column = Exclude<SiteCommand['type'], 'receive-statement'> | `see ${Statement['type']}`;

const study = new MemoryStudy(testContract());
study.run(1);
const cedar = study.site('cedar');
const { environment, endorsement } = cedar;
const waiting = cedar.state;
study.open(2);
const committed = cedar.state;
study.commit();
study.lock();
const training = cedar.state;
const payload = cedar.payload();
study.upload();
const uploading = cedar.state;
study.close();
const acknowledged = cedar.state;
study.acknowledge();
study.catchUp();
const releaseSeen = cedar.state;

const withdrawal = signWithdrawal(
  { contract: study.sealed.digest, organisation: cedar.environment.organisation, at: START },
  organisationSigner(cedar.environment.organisation),
);

const STATES: Record<Row, SiteState> = {
  waiting,
  committed,
  training,
  uploading,
  acknowledged,
  'release seen': releaseSeen,
  withdrawn: evolve(waiting, { type: 'withdrawn', withdrawal }),
  behind: evolve(waiting, { type: 'behind-noticed', counter: 2 }),
};
const ROWS = Object.keys(STATES) as Row[];

/**
 * PROTOCOL §7 as the site sees it. Every statement is signed by the attested key and links from the head; its content
 * is that of the second round. A statement is always remembered (`seen`), whatever the site then does. The Intent names
 * an update of this hospital: where it remembers none, its memory is behind (§7.13).
 */
const TABLE: Record<Row, Record<Column, string>> = {
  waiting: {
    'trust-boot-key': 'boot-key-trusted',
    'trust-publication': 'publication-kept',
    'see genesis': 'E-STATEMENT-CHAIN',
    'see manifest': 'seen, committed',
    'see certificate': 'seen',
    'see intent': 'seen, debit-recovered, behind-noticed, declined E-SITE-BEHIND',
    'see release': 'seen, round-ended',
    'see abort': 'seen, round-ended',
    'finish-training': 'E-ROUND-PHASE',
    'receive-release': 'E-RELEASE-INVALID',
    withdraw: 'withdrawn',
    'accept-backup': '–',
  },
  committed: {
    'trust-boot-key': 'boot-key-trusted',
    'trust-publication': 'publication-kept',
    'see genesis': 'E-STATEMENT-CHAIN',
    'see manifest': 'seen, committed',
    'see certificate': 'seen, cohort-accepted',
    'see intent': 'seen, debit-recovered, behind-noticed, declined E-SITE-BEHIND',
    'see release': 'seen, round-ended',
    'see abort': 'seen, round-ended',
    'finish-training': 'E-ROUND-PHASE',
    'receive-release': 'E-RELEASE-INVALID',
    withdraw: 'withdrawn',
    'accept-backup': '–',
  },
  training: {
    'trust-boot-key': 'boot-key-trusted',
    'trust-publication': 'publication-kept',
    'see genesis': 'E-STATEMENT-CHAIN',
    'see manifest': 'seen, committed',
    'see certificate': 'seen',
    'see intent': 'seen, debit-recovered, behind-noticed, declined E-SITE-BEHIND',
    'see release': 'seen, round-ended',
    'see abort': 'seen, round-ended',
    'finish-training': 'debited, update-ready',
    'receive-release': 'E-RELEASE-INVALID',
    withdraw: 'withdrawn',
    'accept-backup': '–',
  },
  uploading: {
    'trust-boot-key': 'boot-key-trusted',
    'trust-publication': 'publication-kept',
    'see genesis': 'E-STATEMENT-CHAIN',
    'see manifest': 'seen, committed',
    'see certificate': 'seen',
    'see intent': 'seen, acknowledged',
    'see release': 'seen, round-ended',
    'see abort': 'seen, round-ended',
    'finish-training': 'E-ROUND-PHASE',
    'receive-release': 'E-RELEASE-INVALID',
    withdraw: 'withdrawn',
    'accept-backup': '–',
  },
  acknowledged: {
    'trust-boot-key': 'boot-key-trusted',
    'trust-publication': 'publication-kept',
    'see genesis': 'E-STATEMENT-CHAIN',
    // A sealed result is finished, never given up (PROTOCOL §7.8).
    'see manifest': 'E-STATEMENT-CHAIN',
    'see certificate': 'E-STATEMENT-CHAIN',
    'see intent': 'E-STATEMENT-CHAIN',
    'see release': 'seen, round-ended',
    'see abort': 'E-STATEMENT-CHAIN',
    'finish-training': 'E-ROUND-PHASE',
    'receive-release': 'E-RELEASE-INVALID',
    withdraw: 'withdrawn',
    'accept-backup': '–',
  },
  'release seen': {
    'trust-boot-key': 'boot-key-trusted',
    'trust-publication': 'publication-kept',
    'see genesis': 'E-STATEMENT-CHAIN',
    // The parent has its one child already (PROTOCOL §7.2).
    'see manifest': 'E-PARENT-REUSED',
    'see certificate': 'seen',
    'see intent': 'seen, debit-recovered, behind-noticed, declined E-SITE-BEHIND',
    'see release': 'E-PARENT-REUSED',
    'see abort': 'seen, round-ended',
    'finish-training': 'E-ROUND-PHASE',
    'receive-release': 'model-received',
    withdraw: 'withdrawn',
    'accept-backup': '–',
  },
  withdrawn: {
    'trust-boot-key': 'boot-key-trusted',
    'trust-publication': 'publication-kept',
    'see genesis': 'E-STATEMENT-CHAIN',
    'see manifest': 'seen, declined E-SITE-WITHDRAWN',
    'see certificate': 'seen',
    'see intent': 'seen, debit-recovered, behind-noticed, declined E-SITE-BEHIND',
    'see release': 'seen, round-ended',
    'see abort': 'seen, round-ended',
    'finish-training': 'E-SITE-WITHDRAWN',
    'receive-release': 'E-RELEASE-INVALID',
    withdraw: '–',
    'accept-backup': '–',
  },
  behind: {
    'trust-boot-key': 'boot-key-trusted',
    'trust-publication': 'publication-kept',
    'see genesis': 'E-STATEMENT-CHAIN',
    'see manifest': 'seen, declined E-SITE-BEHIND',
    'see certificate': 'seen',
    'see intent': 'seen, debit-recovered',
    'see release': 'seen, round-ended',
    'see abort': 'seen, round-ended',
    'finish-training': 'E-ROUND-PHASE',
    'receive-release': 'E-RELEASE-INVALID',
    withdraw: 'withdrawn',
    'accept-backup': 'backup-accepted',
  },
};

const COMMANDS: Record<Column, (state: SiteState) => SiteCommand> = {
  'trust-boot-key': () => ({ type: 'trust-boot-key', bootKey: organisationSigner('a later boot').publicKey }),
  // Of the boot that was attested in the session.
  'trust-publication': () => ({ type: 'trust-publication', publication: study.enclave.publication() }),
  'see genesis': see('genesis'),
  'see manifest': see('manifest'),
  'see certificate': see('certificate'),
  'see intent': see('intent'),
  'see release': see('release'),
  'see abort': see('abort'),
  'finish-training': () => ({
    type: 'finish-training',
    parent: cedar.state.model.digest,
    commit: updateCommitment(payload.subarray(0, 32), payload.subarray(32)),
    payloadBytes: payload.length,
  }),
  'receive-release': () => ({
    type: 'receive-release',
    bundle: study.enclave.bundle(),
    weights: study.enclave.weights(),
  }),
  withdraw: () => ({ type: 'withdraw', withdrawal }),
  'accept-backup': () => ({ type: 'accept-backup', counter: 2 }),
};

describe('the site decider, activity × command', () => {
  it('has a state of every activity and a statement of every type', () => {
    for (const row of ['waiting', 'committed', 'training', 'uploading', 'acknowledged'] as const)
      expect(STATES[row].activity.phase).toBe(row);
    expect(STATEMENT_TYPES.map((type) => `see ${type}`).every((column) => column in COMMANDS)).toBe(true);
  });

  it.each(ROWS)('%s', (row) => {
    const outcomes = Object.fromEntries(
      Object.entries(COMMANDS).map(([column, command]) => {
        const decision = decide(environment, STATES[row], command(STATES[row]));
        if (!decision.ok) return [column, decision.error.code];
        // Everything that is decided can be folded.
        decision.value.reduce(evolve, STATES[row]);
        return [column, describeEvents(decision.value)];
      }),
    );
    expect(outcomes).toEqual(TABLE[row]);
  });
});

/** Activities in which each event may stand in a log; an aborted or abandoned activity may give way at any time. */
const POSSIBLE: Record<SiteEvent['type'], readonly Row[]> = {
  'boot-key-trusted': ROWS,
  'publication-kept': ROWS,
  // The newest statement of the log is the release, which follows the intent.
  'statement-seen': ['acknowledged'],
  committed: ROWS,
  'cohort-accepted': ['committed'],
  // Once for each parent: the states behind `training` hold this one already.
  debited: ['waiting', 'committed', 'training', 'withdrawn', 'behind'],
  'update-ready': ['training'],
  acknowledged: ['uploading'],
  'round-ended': ROWS,
  declined: ROWS,
  'model-received': ROWS,
  withdrawn: ROWS,
  // Before the first statement only.
  'ledger-carried': [],
  superseded: ROWS,
  'commit-recovered': ROWS,
  'debit-recovered': ['waiting', 'committed', 'training', 'withdrawn', 'behind'],
  // Told once.
  'behind-noticed': ROWS.filter((row) => row !== 'behind'),
  'backup-accepted': ['behind'],
};

describe('the site evolves only by events that its decider could have made', () => {
  const sample = new Map(cedar.log.map((event) => [event.type, event]));
  for (const column of ['withdraw', 'receive-release', 'trust-publication'] as const) {
    for (const event of must(decide(environment, releaseSeen, COMMANDS[column](releaseSeen))))
      sample.set(event.type, event);
  }
  // Not decided in any state: they stand at the ends of a log (begin-contract.ts).
  sample.set('ledger-carried', { type: 'ledger-carried', spent: [] });
  sample.set('superseded', { type: 'superseded', by: digestOf('successor') });
  const { withdrawn, behind } = STATES;
  const parent = waiting.model.digest;
  sample.set('commit-recovered', { type: 'commit-recovered', commit: payload });
  sample.set('debit-recovered', { type: 'debit-recovered', parent, commit: parent });
  sample.set('behind-noticed', { type: 'behind-noticed', counter: 2 });
  for (const event of must(decide(environment, behind, COMMANDS['accept-backup'](behind))))
    sample.set(event.type, event);
  for (const event of must(decide(environment, withdrawn, COMMANDS['see manifest'](withdrawn)))) {
    if (event.type === 'declined') sample.set(event.type, event);
  }

  it.each(Object.keys(POSSIBLE) as SiteEvent['type'][])('%s', (type) => {
    const event = sample.get(type);
    if (event === undefined) throw new Error(`the log holds no ${type}`);
    const accepting = ROWS.filter((row) => {
      try {
        evolve(STATES[row], event);
        return true;
      } catch {
        return false;
      }
    });
    expect(accepting).toEqual(POSSIBLE[type]);
  });
});

function see(type: Statement['type']): (state: SiteState) => SiteCommand {
  return (state) => {
    const { signer } = study.enclave.environment;
    const statement = linkedStatement(type, {
      like: study.enclave.statements(),
      after: headOfChain(state.chain),
      signer,
    });
    const { bytes } = statement;
    return {
      ...{ type: 'receive-statement', at: START, statement: bytes, live: true, endorsement },
      unaffordable: null,
    } as const;
  };
}

function describeEvents(events: readonly SiteEvent[]): string {
  if (events.length === 0) return '–';
  const named = events.map((event) => {
    if (event.type === 'statement-seen') return 'seen';
    return event.type === 'declined' ? `declined ${event.refusal.code}` : event.type;
  });
  return named.join(', ');
}
