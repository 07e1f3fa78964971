import { isOnChain } from '../lib/audit/chain.ts';
import { decodePublication, type Publication } from '../lib/audit/passport-bundle.ts';
import { openStatement } from '../lib/audit/statement.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { describeRefusal, refusal } from '../lib/core/errors.ts';
import type { Digest } from '../lib/core/ids.ts';
import { err, ok } from '../lib/core/result.ts';
import type { Decision } from './decider.ts';
import type { CommandOf } from './event.ts';
import type { EnclaveEnvironment, EnclaveState } from './state.ts';

/**
 * A site named a head that is not on this chain and shows what it saw (PROTOCOL §7). A statement that goes on from this
 * enclave's own genesis, signed by a boot behind accepted evidence, can only come from an enclave that unsealed this
 * state: another one is ahead of it, or went another way from it. Then this one halts, E-STATE-BEHIND; nothing is ever
 * taken over from what was shown. Anything less is E-HEAD-UNPROVEN and changes nothing, so that no site halts a study
 * by a claim, nor by an enclave of its own, which has another genesis.
 */
export function receiveHeadProof(
  environment: EnclaveEnvironment,
  state: EnclaveState,
  { from, head, statement, publication }: CommandOf<'receive-head-proof'>,
): Decision {
  if (state.phase === 'unborn') return err(refusal('E-ROUND-PHASE', 'the study has not begun'));
  const unproven = (why: string): Decision => err(refusal('E-HEAD-UNPROVEN', `${from}: ${why}`));
  const { sealed, appraise } = environment;
  const { chain } = state.ledger;
  const opened = openStatement(statement);
  if (!opened.ok) return unproven('its statement is not a signed one');
  const { bootKey, contract, counter } = opened.value.statement;
  if (!bytesEqual(contract, sealed.digest)) return unproven('a statement of another contract');
  if (counter !== head.counter || !bytesEqual(opened.value.digest, head.digest))
    return unproven('another statement than the head it named');
  if (isOnChain(chain, head)) return unproven('its statement is one of this enclave');
  const published = decodePublication(publication);
  if (!published.ok) return unproven('its publication cannot be read');
  const fault = faultOf(published.value, { bootKey, contract: sealed.digest, genesis: chain[0] });
  if (fault !== null) return unproven(fault);
  const [refused] = appraise(published.value, sealed).refusals;
  if (refused !== undefined) return unproven(`the evidence behind it: ${describeRefusal(refused)}`);
  const compared = { got: `statement ${counter}`, want: `none but its own, the newest is ${chain.length - 1}` };
  return ok([
    { type: 'halted', refusal: refusal('E-STATE-BEHIND', `${from} proved a statement of another state`, compared) },
  ]);
}

interface Wanted extends Pick<Publication, 'bootKey' | 'contract'> {
  readonly genesis: Digest | undefined;
}

function faultOf({ bootKey, contract, genesis }: Publication, wanted: Wanted): string | null {
  if (!bytesEqual(bootKey, wanted.bootKey)) return 'a publication of another boot key than the one that signed';
  if (!bytesEqual(contract, wanted.contract)) return 'a publication for another contract';
  const own = wanted.genesis !== undefined && bytesEqual(genesis, wanted.genesis);
  return own ? null : 'a publication of another genesis';
}
