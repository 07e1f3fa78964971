import { growthOf, growsTooMuch, type Growth, type Limit, type Sample } from './growth.ts';
import { isExplained, type RoundOutcome } from './explain.ts';

/** Rounds at the beginning that growth is not judged by. */
const SETTLING_SHARE = 0.2;
const MIB = 2 ** 20;
/** In fewer rounds warming up cannot be told from growing. */
const JUDGED_FROM_ROUNDS = 200;

/**
 * What may grow with every round, because a study's history does: enclave, coordinator and sites keep a digest of every
 * statement in memory (four a round) and all of them on disk, with what they decided.
 */
const PER_ROUND: Readonly<Record<string, number>> = { rss: 2048, heap: 2048, external: 512, file: 64 << 10 };
/** What the noise of an allocator may hide over a whole run, or a page of a file more or less. */
const TOLERANCE: Readonly<Record<string, number>> = { rss: 16 * MIB, heap: 1.5 * MIB, external: MIB, file: MIB };

/** SQLite empties its log at 1000 pages; a transaction may be under way. */
const LARGEST_WAL = 8 * MIB;

export interface Judged extends Growth {
  /** Such as `rss of enclave`. */
  readonly what: string;
  readonly tooMuch: boolean;
}

export interface Verdict {
  readonly passed: boolean;
  /** False: the run was too short to say anything of memory and files but how large they were. */
  readonly growthJudged: boolean;
  /** One sentence for each check that failed. */
  readonly failures: readonly string[];
  readonly growth: readonly Judged[];
  readonly rounds: readonly RoundOutcome[];
}

export interface Evidence {
  readonly rounds: number;
  readonly outcomes: readonly RoundOutcome[];
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  /** Faults that were planned and did not strike. */
  readonly neverStruck: readonly string[];
  /** null: the study ended well, with a passport that holds. */
  readonly trouble: string | null;
  /** Programs that died or complained although nobody harmed them. */
  readonly deaths: readonly string[];
  /** Heaps could be measured on this machine. */
  readonly heaps: boolean;
}

/** What the soak says of its evidence; pure. */
export function judge(evidence: Evidence): Verdict {
  const { rounds, outcomes, samples, neverStruck, trouble, deaths, heaps } = evidence;
  const growthJudged = rounds >= JUDGED_FROM_ROUNDS;
  const settled = Math.ceil(rounds * SETTLING_SHARE);
  const growth = [...samples].flatMap(([what, all]): Judged[] => {
    const growing = growthOf(all.filter(({ round }) => round > settled));
    if (growing === null) return [];
    // A write-ahead log fills, is emptied, and fills again: what counts is how far.
    const tooMuch = what.startsWith('wal ')
      ? all.some(({ value }) => value > LARGEST_WAL)
      : growsTooMuch(growing, limitOf(what, rounds - settled));
    return [{ what, ...growing, tooMuch: growthJudged && tooMuch }];
  });
  const unexplained = outcomes.filter((outcome) => !isExplained(outcome));
  const failures = [
    ...(trouble === null ? [] : [`the study did not end well: ${trouble}`]),
    ...unexplained.map((outcome) => `round ${outcome.round} is not explained: ${wordsOf(outcome)}`),
    ...neverStruck.map((asked) => `${asked} never struck`),
    ...growth.filter(({ tooMuch }) => tooMuch).map(({ what }) => `${what} grows`),
    ...deaths,
    ...['rss', ...(heaps ? ['heap'] : [])]
      .filter(() => growthJudged)
      .filter((measure) => !growth.some(({ what }) => what.startsWith(measure)))
      .map((measure) => `too few samples of ${measure} to judge by`),
  ];
  return { passed: failures.length === 0, growthJudged, failures, growth, rounds: outcomes };
}

function limitOf(what: string, rounds: number): Limit {
  const measure = what.split(' ')[0] ?? '';
  return { rounds, perRound: PER_ROUND[measure] ?? 0, tolerance: TOLERANCE[measure] ?? 0 };
}

/** One line on a round that was not simply released at its first attempt with everybody. */
export function wordsOf({ releasedAtAttempt, attempts, absences }: RoundOutcome): string {
  const released = releasedAtAttempt === null ? 'not released' : `released at attempt ${releasedAtAttempt}`;
  const why = [...attempts, ...absences].map(
    ({ what, by }) => `${what} (${by.length === 0 ? 'NOTHING EXPLAINS IT' : by.join(', ')})`,
  );
  return [released, ...why].join('; ');
}
