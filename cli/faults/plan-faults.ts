import { refusal, RefusalError, type Refusal } from '../../lib/core/errors.ts';
import { nearest } from '../../lib/core/nearest.ts';
import type { FaultKind, FaultRequest } from './fault-request.ts';

interface Setting {
  /** Ids in the order of the contract. */
  readonly hospitals: readonly string[];
  readonly rounds: number;
}

/** The enclave's line is the one that the coordinator dials. */
const ENCLAVE = 'enclave';
const COORDINATOR = 'coordinator';
const ORDINAL = /^site-([1-9]\d{0,3})$/;

/**
 * In the order of their rounds. Throws RefusalError E-USAGE with everything that is wrong: parties that are not in the
 * study, rounds beyond it.
 */
export function planFaults(requests: readonly FaultRequest[], setting: Setting): FaultRequest[] {
  const wrong: Refusal[] = [];
  const planned = requests.map((request): FaultRequest => {
    if (request.kind !== 'latency' && request.round > setting.rounds) {
      const compared = { got: `round ${request.round}`, want: `1 to ${setting.rounds}, the rounds of this study` };
      wrong.push(refusal('E-USAGE', `${request.asked}: such a round never comes`, compared));
    }
    const everybody = request.kind === 'latency' && request.parties.length === 0;
    const parties = everybody
      ? setting.hospitals
      : request.parties.map((name) => {
          const party = partyOf(name, request.kind, setting.hospitals);
          if (party.id === null) wrong.push(refusal('E-USAGE', `${request.asked}: ${party.why}`));
          return party.id ?? name;
        });
    return { ...request, parties: [...new Set(parties)] };
  });
  const [first, ...others] = wrong;
  if (first !== undefined) throw new RefusalError(first, ...others);
  return planned.sort((a, b) => roundOf(a) - roundOf(b));
}

const roundOf = (fault: FaultRequest): number => (fault.kind === 'latency' ? 0 : fault.round);

type Party = { readonly id: string } | { readonly id: null; readonly why: string };

/** An id, or `site-N` for the N-th hospital where no id says so itself. */
function partyOf(name: string, kind: FaultKind, hospitals: readonly string[]): Party {
  const known = [...hospitals, ENCLAVE, ...(kind === 'kill' ? [COORDINATOR] : [])];
  if (known.includes(name)) return { id: name };
  const [, ordinal] = ORDINAL.exec(name) ?? [];
  const counted = ordinal === undefined ? undefined : hospitals[Number(ordinal) - 1];
  if (counted !== undefined) return { id: counted };
  if (name === COORDINATOR)
    return { id: null, why: 'the coordinator has no line of its own; name hospitals or the enclave' };
  if (ordinal !== undefined) return { id: null, why: `no hospital ${name}; there are ${hospitals.length}` };
  const near = nearest(name, known);
  return {
    id: null,
    why: `no party ${name}; ${near === null ? `parties are ${known.join(', ')}` : `did you mean ${near}?`}`,
  };
}
