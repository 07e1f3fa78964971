import { headOf } from '../lib/audit/statement.ts';
import { toHex } from '../lib/core/bytes.ts';
import type { SiteEvent } from './event.ts';
import type { SiteState } from './state.ts';

/** State after `event`. Throws on an event that no decision in this state could have made: a corrupted log. */
export function evolve(state: SiteState, event: SiteEvent): SiteState {
  if (state.supersededBy !== null) throw impossible(state, event);
  const { activity } = state;
  switch (event.type) {
    case 'boot-key-trusted':
      return { ...state, trustedBootKeys: [...state.trustedBootKeys, event.bootKey] };
    case 'publication-kept': {
      const { publication } = event;
      return { ...state, publications: new Map(state.publications).set(toHex(publication.bootKey), publication) };
    }
    case 'statement-seen': {
      const { statement, digest } = event.statement;
      if (statement.counter !== state.chain.length) throw impossible(state, event);
      const seen = { ...state, chain: [...state.chain, digest], newest: event.statement };
      if (statement.type !== 'release') return seen;
      return { ...seen, released: { round: statement.round, digest: statement.child, head: headOf(event.statement) } };
    }
    case 'committed': {
      const { manifest, commit, endorsement } = event;
      const ownCommit = { commit, recovered: false };
      return { ...state, ownCommit, activity: { phase: 'committed', manifest, commit, endorsement } };
    }
    case 'cohort-accepted':
      if (activity.phase !== 'committed') throw impossible(state, event);
      return { ...state, activity: { phase: 'training', manifest: activity.manifest, certificate: event.certificate } };
    case 'debited':
    case 'debit-recovered': {
      // One parent, one update: a second entry would let another update leave (PROTOCOL §7.5).
      if (state.spent.has(toHex(event.parent))) throw impossible(state, event);
      return { ...state, spent: new Map(state.spent).set(toHex(event.parent), event.commit) };
    }
    case 'ledger-carried':
      if (state.chain.length > 0 || state.spent.size > 0) throw impossible(state, event);
      return { ...state, spent: new Map(event.spent.map(({ parent, commit }) => [toHex(parent), commit])) };
    case 'superseded':
      return { ...state, supersededBy: event.by };
    case 'commit-recovered':
      return { ...state, ownCommit: { commit: event.commit, recovered: true } };
    case 'behind-noticed':
      if (state.behind !== null) throw impossible(state, event);
      return { ...state, behind: event.counter };
    case 'backup-accepted':
      if (state.behind !== event.counter) throw impossible(state, event);
      return { ...state, behind: null };
    case 'update-ready': {
      if (activity.phase !== 'training') throw impossible(state, event);
      const { manifest, certificate } = activity;
      return { ...state, activity: { phase: 'uploading', manifest, certificate, header: event.header } };
    }
    case 'acknowledged': {
      if (activity.phase !== 'uploading') throw impossible(state, event);
      const { manifest, certificate } = activity;
      const { intent, acknowledgement } = event;
      return { ...state, activity: { phase: 'acknowledged', manifest, certificate, intent, acknowledgement } };
    }
    case 'round-ended':
    case 'declined':
      return { ...state, activity: { phase: 'waiting' } };
    case 'model-received':
      return { ...state, model: event.model };
    case 'withdrawn': {
      // An update that is already announced may be in the enclave's sum: its round is seen through (PROTOCOL §6.3).
      const announced = activity.phase === 'uploading' || activity.phase === 'acknowledged';
      return { ...state, withdrawal: event.withdrawal, activity: announced ? activity : { phase: 'waiting' } };
    }
  }
}

const impossible = (state: SiteState, event: SiteEvent): Error =>
  new Error(`${event.type} in phase ${state.activity.phase}`);
