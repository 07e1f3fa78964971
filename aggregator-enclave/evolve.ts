import { follow } from '../lib/audit/chain.ts';
import { narrowStatement, type SignedStatement } from '../lib/audit/statement.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import type { OrganisationId } from '../lib/core/ids.ts';
import { addUpdate, emptySum } from '../lib/learning/integer-sum.ts';
import type { EnclaveEvent } from './event.ts';
import {
  RECENT_STATEMENTS,
  type AcceptedCommit,
  type CurrentModel,
  type EnclaveEnvironment,
  type EnclaveLedger,
  type EnclaveState,
} from './state.ts';

/** State after `event`. Throws on an event that no decision in this state could have made: a corrupted log. */
export function evolve(
  environment: Pick<EnclaveEnvironment, 'layout'>,
  state: EnclaveState,
  event: EnclaveEvent,
): EnclaveState {
  if (state.phase === 'halted') throw impossible(state, event);
  switch (event.type) {
    case 'approval-recorded':
      return withApproval(state, event);
    case 'born':
      return afterGenesis(state, event);
    case 'model-loaded':
      return withContent(state, event);
    case 'statement-issued':
      return afterStatement(environment, state, event.statement);
    case 'commit-accepted':
      if (state.phase !== 'open') throw impossible(state, event);
      return { ...state, commits: withCommit(state.commits, event) };
    case 'header-accepted':
      if (state.phase !== 'locked' && state.phase !== 'collecting') throw impossible(state, event);
      return { ...state, phase: 'collecting', headers: new Map(state.headers).set(event.organisation, event.header) };
    case 'update-accepted': {
      if (state.phase !== 'collecting') throw impossible(state, event);
      const { organisation, commit, update } = event;
      return {
        ...state,
        accepted: new Map(state.accepted).set(organisation, { organisation, commit }),
        sum: addUpdate(state.sum, update),
      };
    }
    case 'result-sealed':
      return afterIntent(state, event);
    case 'acknowledgement-accepted': {
      if (state.phase !== 'committed') throw impossible(state, event);
      const { organisation, acknowledgement, endorsement } = event;
      return {
        ...state,
        acknowledgements: new Map(state.acknowledgements).set(organisation, { acknowledgement, endorsement }),
      };
    }
    case 'withdrawal-recorded': {
      if (state.phase === 'unborn') throw impossible(state, event);
      const withdrawn = new Map(state.ledger.withdrawn).set(event.organisation, event.withdrawal);
      return { ...state, ledger: { ...state.ledger, withdrawn } };
    }
    case 'publication-recorded': {
      if (state.phase === 'unborn') throw impossible(state, event);
      const publications = [...state.ledger.publications, event.publication];
      return { ...state, ledger: { ...state.ledger, publications } };
    }
    case 'halted':
      if (state.phase === 'unborn') throw impossible(state, event);
      return { phase: 'halted', ledger: state.ledger, refusal: event.refusal };
  }
}

function withCommit(
  commits: ReadonlyMap<OrganisationId, AcceptedCommit>,
  { commit, member, validUntil }: AcceptedCommit,
): ReadonlyMap<OrganisationId, AcceptedCommit> {
  return new Map(commits).set(commit.organisation, { commit, member, validUntil });
}

function withApproval(state: EnclaveState, event: Extract<EnclaveEvent, { type: 'approval-recorded' }>): EnclaveState {
  const known = state.phase === 'unborn' ? state.approvals : state.ledger.approvals;
  const approvals = new Map(known).set(event.organisation, event.approval);
  return state.phase === 'unborn' ? { ...state, approvals } : { ...state, ledger: { ...state.ledger, approvals } };
}

function afterGenesis(state: EnclaveState, event: Extract<EnclaveEvent, { type: 'born' }>): EnclaveState {
  const { statement } = event.statement;
  if (state.phase !== 'unborn' || statement.type !== 'genesis') throw impossible(state, event);
  const ledger: EnclaveLedger = {
    chain: [event.statement.digest],
    genesis: narrowStatement(event.statement, 'genesis'),
    recent: [event.statement],
    model: { round: 0, digest: statement.model, fixedBy: event.statement.digest, content: event.content },
    attempts: 0,
    approvals: state.approvals,
    withdrawn: new Map(),
    publications: [],
    latest: null,
  };
  return { phase: 'idle', ledger };
}

function withContent(
  state: EnclaveState,
  { fixedBy, content }: Extract<EnclaveEvent, { type: 'model-loaded' }>,
): EnclaveState {
  if (state.phase === 'unborn') throw new Error('a model before genesis');
  const filled = (model: CurrentModel): CurrentModel =>
    bytesEqual(model.fixedBy, fixedBy) ? { ...model, content } : model;
  const ledger = { ...state.ledger, model: filled(state.ledger.model) };
  if (state.phase !== 'committed') return { ...state, ledger };
  return { ...state, ledger, result: { ...state.result, model: filled(state.result.model) } };
}

function afterStatement(
  environment: Pick<EnclaveEnvironment, 'layout'>,
  state: EnclaveState,
  signed: SignedStatement,
): EnclaveState {
  if (state.phase === 'unborn') throw new Error('a statement before genesis');
  const ledger = append(state.ledger, signed);
  const { type } = signed.statement;
  switch (type) {
    case 'manifest': {
      if (state.phase !== 'idle' && state.phase !== 'released' && state.phase !== 'aborted') break;
      const manifest = narrowStatement(signed, type);
      return {
        phase: 'open',
        ledger: { ...ledger, attempts: manifest.statement.attempt },
        manifest,
        commits: new Map(),
      };
    }
    case 'certificate': {
      if (state.phase !== 'open') break;
      const { manifest, commits } = state;
      const certificate = narrowStatement(signed, type);
      const sum = emptySum(environment.layout.length);
      return { phase: 'locked', ledger, manifest, commits, certificate, headers: new Map(), accepted: new Map(), sum };
    }
    case 'release': {
      if (state.phase !== 'committed') break;
      const { manifest, certificate, intent, result } = state;
      const acknowledgements = [...state.acknowledgements.values()];
      const latest = { manifest, certificate, intent, acknowledgements, release: narrowStatement(signed, type) };
      return { phase: 'released', ledger: { ...ledger, model: result.model, attempts: 0, latest } };
    }
    case 'abort':
      if (!('manifest' in state)) break;
      return { phase: 'aborted', ledger };
    case 'genesis':
    case 'intent':
      break;
  }
  throw new Error(`a ${type} in phase ${state.phase}`);
}

function afterIntent(
  state: EnclaveState,
  { result, statement }: Extract<EnclaveEvent, { type: 'result-sealed' }>,
): EnclaveState {
  if (state.phase !== 'locked' && state.phase !== 'collecting') throw new Error(`an intent in phase ${state.phase}`);
  const { manifest, certificate } = state;
  const ledger = append(state.ledger, statement);
  return { phase: 'committed', ledger, manifest, certificate, intent: statement, result, acknowledgements: new Map() };
}

function append(ledger: EnclaveLedger, signed: SignedStatement): EnclaveLedger {
  const followed = follow(ledger.chain, signed);
  if (!followed.ok || followed.value.repeated) throw new Error('an own statement does not follow the chain');
  return { ...ledger, chain: followed.value.chain, recent: [...ledger.recent, signed].slice(-RECENT_STATEMENTS) };
}

const impossible = (state: EnclaveState, event: EnclaveEvent): Error =>
  new Error(`${event.type} in phase ${state.phase}`);
