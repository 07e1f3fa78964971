import type { EnclaveCommand, EnclaveEvent } from '../../../aggregator-enclave/event.ts';
import { evolve } from '../../../aggregator-enclave/evolve.ts';
import type { EnclaveState } from '../../../aggregator-enclave/state.ts';
import { encodePublication } from '../../../lib/audit/passport-bundle.ts';
import { headOf } from '../../../lib/audit/statement.ts';
import type { Head } from '../../../lib/contract/shapes.ts';
import { signWithdrawal } from '../../../lib/contract/approval.ts';
import { refusal } from '../../../lib/core/errors.ts';
import { initialWeights } from '../../../lib/learning/initial-weights.ts';
import { encodeWeights } from '../../../lib/learning/weights.ts';
import { MemoryEnclave, MemoryStudy, must } from '../../support/study-in-memory.ts';
import { digestOf, organisationSigner, START, testApproval, testContract } from '../../support/test-contract.ts';

type Phase = EnclaveState['phase'];

export interface EnclavePhases {
  readonly study: MemoryStudy;
  readonly states: Readonly<Record<Phase, EnclaveState>>;
  /** One command of each type, made for the second round of `study`; `cedar` is the site that has not acted yet. */
  readonly commands: Readonly<Record<EnclaveCommand['type'], EnclaveCommand>>;
  /** Every event that led to `released`, from the first approval on. */
  readonly log: readonly EnclaveEvent[];
}

/**
 * One state of every phase, reached by driving enclave and sites: a first round is over; in the second `cedar` is the
 * last to commit, to upload and to acknowledge, and each state stands just before it does.
 */
export function enclavePhases(): EnclavePhases {
  const study = new MemoryStudy(testContract());
  const { sealed, enclave } = study;
  const unborn = new MemoryEnclave(sealed).state;
  const idle = enclave.state;
  study.run(1);
  const cedar = study.site('cedar');
  const others = study.sites.filter((site) => site !== cedar);

  study.open(2);
  study.commit(others);
  const open = enclave.state;
  const { commit, endorsement } = cedar.activity('committed');
  study.commit([cedar]);
  study.lock();
  const locked = enclave.state;
  const aborted = abortedFrom(study);
  study.upload(others);
  const collecting = enclave.state;
  const payload = cedar.payload();
  must(study.uploadOne(cedar, payload));
  const { header } = cedar.activity('uploading');
  study.close();
  study.acknowledge(others.slice(0, 2));
  const committed = enclave.state;
  const { acknowledgement } = cedar.activity('acknowledged');
  study.acknowledge([cedar, ...others.slice(2)]);
  study.deliver();
  const released = enclave.state;
  // Another enclave with the same state went on.
  const ahead = study.enclave.fork();
  must(ahead.handle({ type: 'open-round', at: START, round: 3, attempt: 1 }));
  const halted = evolve(enclave.environment, released, { type: 'halted', refusal: refusal('E-STATE-BEHIND') });

  const at = START;
  const from = cedar.environment.organisation;
  const withdrawal = signWithdrawal({ contract: sealed.digest, organisation: from, at }, organisationSigner(from));
  // Expires a day later than the one on record: a new document.
  const approval = testApproval(sealed, from, 101);
  const weights = initialWeights(sealed.contract.model.spec);
  const commands: EnclavePhases['commands'] = {
    boot: { type: 'boot', at, noiseRoot: digestOf('noise root'), initialWeights: weights },
    'record-approval': { type: 'record-approval', at, approval },
    'open-round': { type: 'open-round', at, round: 2, attempt: 2 },
    'receive-commit': { type: 'receive-commit', at, from, commit, endorsement },
    'lock-cohort': { type: 'lock-cohort', at },
    'receive-header': { type: 'receive-header', from, header },
    'receive-update': { type: 'receive-update', from, payload },
    'close-collection': { type: 'close-collection', at, salt: digestOf('result salt') },
    'receive-acknowledgement': { type: 'receive-acknowledgement', at, from, acknowledgement, endorsement },
    'close-acknowledgement': { type: 'close-acknowledgement', at },
    'abort-round': { type: 'abort-round', at },
    'record-publication': { type: 'record-publication', publication: enclave.publication() },
    'receive-withdrawal': { type: 'receive-withdrawal', from, withdrawal },
    'receive-head-proof': { type: 'receive-head-proof', from, ...proofOf(ahead) },
    'receive-model': { type: 'receive-model', from, weights: encodeWeights(weights) },
  };
  const states = { unborn, idle, open, locked, collecting, committed, released, aborted, halted };
  return { study, states, commands, log: enclave.log };
}

/** What a site that followed `enclave` shows of its head. */
export function proofOf(enclave: MemoryEnclave): {
  readonly head: Head;
  readonly statement: Uint8Array;
  readonly publication: Uint8Array;
} {
  const newest = enclave.statements().at(-1);
  if (newest === undefined) throw new Error('no statement yet');
  return { head: headOf(newest), statement: newest.bytes, publication: encodePublication(enclave.publication()) };
}

function abortedFrom(study: MemoryStudy): EnclaveState {
  const fork = study.enclave.fork();
  must(fork.handle({ type: 'abort-round', at: START }));
  return fork.state;
}

/** `type, type → phase`; statements by their own type; `–` for a decision that changes nothing. */
export function describeEvents(events: readonly EnclaveEvent[], after: EnclaveState): string {
  if (events.length === 0) return '–';
  const names = events.map((event) =>
    event.type === 'statement-issued' ? event.statement.statement.type : event.type,
  );
  return `${names.join(', ')} → ${after.phase}`;
}
