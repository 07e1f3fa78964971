import { duration, listed, plural, ranges } from '../report/format.ts';
import type { FaultRecord, RoundRecord } from '../report/run-summary.ts';
import type { FaultTrace } from './fault-director.ts';
import type { FaultKind } from './fault-request.ts';

/** What was asked for, when it struck, and what came of it according to the rounds that the enclave signed. */
export function faultRecord(trace: FaultTrace, history: readonly RoundRecord[]): FaultRecord {
  const { asked, kind, parties } = trace.fault;
  return { asked, kind, parties, struck: trace.struck, lastedMs: trace.lastedMs, outcome: outcomeOf(trace, history) };
}

/** The flags whose faults explain that `site` is missing from `round`; empty: none was near. */
export function faultsBehindAbsence(
  traces: readonly FaultTrace[],
  { site, round }: { readonly site: string; readonly round: number },
  tookPart: (round: number) => boolean,
): string[] {
  return traces.flatMap(({ fault, struck, overInRound }) => {
    if (struck === null || fault.kind === 'latency' || struck.round > round) return [];
    if (!fault.parties.some((party) => party === site || party === 'enclave' || party === 'coordinator')) return [];
    // Afterwards it is the fault's doing until the hospital has been in a round again.
    const over = overInRound ?? struck.round;
    for (let later = over + 1; later < round; later++) if (tookPart(later)) return [];
    return [round <= over ? `asked for with ${fault.asked}` : `not back yet from ${fault.asked}`];
  });
}

function outcomeOf(trace: FaultTrace, history: readonly RoundRecord[]): string {
  const { fault, struck } = trace;
  if (struck === null)
    return `did not strike: the study never came to ${fault.kind === 'latency' ? 'begin' : `that point of round ${fault.round}`}`;
  const facts = [didOf(trace)];
  if (fault.kind === 'latency') {
    const again = history.filter(({ attempt }) => attempt > 1).map(({ round }) => round);
    return [...facts, again.length === 0 ? 'no round was retried' : `retried: round ${ranges(again)}`].join('; ');
  }
  const last = Math.max(struck.round, trace.overInRound ?? 0);
  const during = history.filter(({ round }) => round >= struck.round && round <= last);
  const after = history.filter(({ round }) => round > last);
  const back = fault.parties.flatMap((party) => backText(party, { during, after }));
  return [...facts, ...during.map(roundText), ...back].join('; ');
}

function didOf({ fault, lastedMs, did }: FaultTrace): string {
  const who = listed(fault.parties);
  const lasted = lastedMs === null ? 'to the end of the run' : `for ${duration(lastedMs)}`;
  switch (fault.kind) {
    case 'drop':
      return `${who} had no network ${lasted}, ${plural(did.reset, 'connection')} reset`;
    case 'partition':
      return `packets of ${who} vanished ${lasted}`;
    case 'slow':
      return `connections of ${who} were slow ${lasted}`;
    case 'kill':
      return lastedMs === null
        ? `${who} was killed`
        : `${who} was killed and started again after ${duration(lastedMs)}`;
    case 'tamper':
    case 'duplicate':
    case 'reorder':
    case 'cut':
      return onceText(fault.kind, who, did);
    case 'latency':
      return `every connection of ${who} was slowed each way`;
  }
}

type Once = Extract<FaultKind, 'tamper' | 'duplicate' | 'reorder' | 'cut'>;

function onceText(kind: Once, who: string, { mangled, dialled, reset }: FaultTrace['did']): string {
  if (mangled + reset === 0) return `nothing was sent by ${who} that could suffer`;
  return `${ONCE[kind]} ${who}${dialled === 0 ? '' : ', which dialled again'}`;
}

const ONCE: Readonly<Record<Once, string>> = {
  tamper: 'a bit was flipped in what was sent by',
  duplicate: 'a chunk was repeated in what was sent by',
  reorder: 'two parts were exchanged in what was sent by',
  cut: 'connections were reset of',
};

function roundText({ round, attempt, aborted, absent }: RoundRecord): string {
  const failed = aborted.map((one) => `attempt ${one.attempt} aborted (${one.code})`);
  const who = absent.length === 0 ? 'with every hospital' : `without ${listed(absent.map(({ site }) => site))}`;
  return `round ${round}: ${[...failed, `released at attempt ${attempt} ${who}`].join(', ')}`;
}

/** For a hospital that was missing while the fault lasted. */
function backText(party: string, { during, after }: Record<'during' | 'after', readonly RoundRecord[]>): string[] {
  if (!during.some(({ absent }) => absent.some(({ site }) => site === party))) return [];
  const again = after.find(({ participants }) => participants.includes(party));
  return [
    again === undefined ? `${party} took part in no later round` : `${party} took part again from round ${again.round}`,
  ];
}
