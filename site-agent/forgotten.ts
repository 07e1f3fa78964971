import { isOnChain } from '../lib/audit/chain.ts';
import { openMember } from '../lib/audit/cohort.ts';
import type { Certificate, Intent, SignedStatement } from '../lib/audit/statement.ts';
import { bytesEqual, toHex } from '../lib/core/bytes.ts';
import { refusal } from '../lib/core/errors.ts';
import type { SiteEvent } from './event.ts';
import type { SiteEnvironment, SiteState } from './state.ts';

/**
 * What a certificate holds of this hospital that it does not remember (PROTOCOL §7.13): a commit that is valid in every
 * respect, endorsed with the hospital's own key, and not its newest. Empty when there is nothing of the kind; a commit
 * that does not check out is left to whoever judges the certificate.
 */
export function forgottenCommit(
  { sealed, organisation }: SiteEnvironment,
  state: SiteState,
  { statement }: SignedStatement<Certificate>,
): readonly SiteEvent[] {
  const own = statement.members.find((member) => member.organisation === organisation);
  if (own === undefined) return [];
  if (state.ownCommit !== null && bytesEqual(own.commit, state.ownCommit.commit)) return [];
  const opened = openMember(own, {
    sealed,
    manifest: statement.manifest,
    knowsHead: (head) => isOnChain(state.chain, head),
    at: statement.at,
  });
  if (!opened.ok) return [];
  return [{ type: 'commit-recovered', commit: own.commit }, ...noticed(state, statement.counter)];
}

/**
 * An update that an Intent names under this hospital's name, for a parent for which it remembers none: it was sent, so
 * it is debited. News only where the commit behind it was remembered. One that contradicts a remembered update is left
 * to whoever judges the Intent: it is never this hospital's.
 */
export function forgottenUpdate(
  { organisation }: SiteEnvironment,
  state: SiteState,
  { statement }: SignedStatement<Intent>,
): readonly SiteEvent[] {
  const own = statement.members.find((member) => member.organisation === organisation);
  const parent = state.released.digest;
  if (own === undefined || state.spent.has(toHex(parent))) return [];
  const debit = { type: 'debit-recovered', parent, commit: own.commit } as const;
  return state.ownCommit?.recovered === true ? [debit] : [debit, ...noticed(state, statement.counter)];
}

/** Told once, and the hospital stays out from then on until somebody accepts it. */
const noticed = ({ behind }: SiteState, counter: number): readonly SiteEvent[] =>
  behind === null
    ? [
        { type: 'behind-noticed', counter },
        { type: 'declined', refusal: refusal('E-SITE-BEHIND') },
      ]
    : [];
