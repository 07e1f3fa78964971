import type { FaultRecord } from '../../cli/report/run-summary.ts';
import type { Statement } from '../../lib/audit/statement.ts';
import type { ErrorCode } from '../../lib/core/errors.ts';

/**
 * How long after a fault a hospital may still be missing: an agent's longest pause between two sessions (30 s), and two
 * attempts at one that time out after 20 s each.
 */
const RECOVERY_MS = 70_000;

/** A fault with its moments on the clock of the statements. */
export interface TimedFault {
  readonly asked: string;
  readonly kind: FaultRecord['kind'];
  readonly parties: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Explained {
  readonly what: string;
  /** The faults behind it; empty: nothing that was done explains it. */
  readonly by: readonly string[];
}

/** What became of one round, and why. */
export interface RoundOutcome {
  readonly round: number;
  /** null: it was not released. */
  readonly releasedAtAttempt: number | null;
  readonly attempts: readonly Explained[];
  readonly absences: readonly Explained[];
}

export interface Story {
  readonly statements: readonly Statement[];
  readonly faults: readonly TimedFault[];
  readonly hospitals: readonly string[];
  readonly kMin: number;
  readonly rounds: number;
}

/** `startedAtMs`: of the run, on the clock of the statements. Faults that did not strike explain nothing. */
export function timedFaults(records: readonly FaultRecord[], startedAtMs: number): TimedFault[] {
  return records.flatMap(({ asked, kind, parties, struck, lastedMs }) => {
    if (struck === null) return [];
    const fromMs = startedAtMs + struck.atMs;
    return [{ asked, kind, parties, fromMs, toMs: fromMs + (lastedMs ?? 0) }];
  });
}

/** Every round from its signed statements; pure. */
export function explainRounds(story: Story): RoundOutcome[] {
  /** When a hospital was last known to be in order: the manifest that it answered last with a full round. */
  const lastWell = new Map<string, number>(story.hospitals.map((site) => [site, 0]));
  const outcomes: RoundOutcome[] = [];
  for (let round = 1; round <= story.rounds; round++) {
    const own = story.statements.filter((one) => one.type !== 'genesis' && one.round === round);
    const release = own.find((one) => one.type === 'release');
    const attempts = own.flatMap((one) => (one.type === 'abort' ? [explainAbort(story, one, lastWell)] : []));
    const participants = participantsOf(own, release?.attempt ?? 0);
    const absences =
      release === undefined
        ? []
        : story.hospitals
            .filter((site) => !participants.includes(site))
            .map((site) => explainAbsence(story, { site, atMs: release.at, wellAtMs: lastWell.get(site) ?? 0 }));
    outcomes.push({ round, releasedAtAttempt: release?.attempt ?? null, attempts, absences });
    const manifest = own.find((one) => one.type === 'manifest' && one.attempt === release?.attempt);
    if (manifest !== undefined) for (const site of participants) lastWell.set(site, manifest.at);
  }
  return outcomes;
}

/** Nothing is left unexplained, and every round was released. */
export const isExplained = ({ releasedAtAttempt, attempts, absences }: RoundOutcome): boolean =>
  releasedAtAttempt !== null && [...attempts, ...absences].every(({ by }) => by.length > 0);

function participantsOf(own: readonly Statement[], attempt: number): string[] {
  const intent = own.find((one) => one.type === 'intent' && one.attempt === attempt);
  return intent?.type === 'intent' ? intent.members.map(({ organisation }) => organisation) : [];
}

interface Absence {
  readonly site: string;
  readonly atMs: number;
  readonly wellAtMs: number;
}

/** Something hit the hospital, or what all of them need, after it was last well and not too long ago. */
function faultsBehind({ faults }: Story, { site, atMs, wellAtMs }: Absence): TimedFault[] {
  return faults.filter(
    ({ parties, fromMs, toMs }) =>
      (parties.includes(site) || isShared(parties)) && fromMs <= atMs && toMs >= wellAtMs && atMs - toMs <= RECOVERY_MS,
  );
}

const isShared = (parties: readonly string[]): boolean =>
  parties.includes('enclave') || parties.includes('coordinator');

function explainAbsence(story: Story, absence: Absence): Explained {
  return { what: `without ${absence.site}`, by: faultsBehind(story, absence).map(({ asked }) => asked) };
}

function explainAbort(
  story: Story,
  { attempt, code, at: atMs }: Extract<Statement, { type: 'abort' }>,
  lastWell: ReadonlyMap<string, number>,
): Explained {
  const behind = story.hospitals.map((site) => faultsBehind(story, { site, atMs, wellAtMs: lastWell.get(site) ?? 0 }));
  const mayBeMissing = behind.filter((faults) => faults.length > 0).length;
  const tooFew = story.hospitals.length - mayBeMissing < story.kMin;
  const causes = [...new Set(behind.flat())].filter((fault) => mayCause(fault, code, tooFew));
  return { what: `attempt ${attempt} ${code}`, by: causes.map(({ asked }) => asked) };
}

/** `tooFew`: without the hospitals that faults can have kept away, the smallest cohort is not reached. */
function mayCause({ kind, parties }: TimedFault, code: ErrorCode, tooFew: boolean): boolean {
  if (code === 'E-ENCLAVE-RESTARTED') return kind === 'kill' && parties.includes('enclave');
  if (code === 'E-ROUND-STOPPED') return isShared(parties);
  return (code === 'E-COHORT-TOO-SMALL' || code === 'E-ACKS-MISSING') && tooFew;
}
