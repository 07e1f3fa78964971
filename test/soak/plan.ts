import { STRIKE_PHASES, type FaultKind, type FaultRequest } from '../../cli/faults/fault-request.ts';
import { seededStream, type SeededStream } from '../../lib/data/seeded-stream.ts';

/** Rounds at either end in which nothing is asked for: a run has to begin and to end. */
const QUIET_ROUNDS = 3;
const FAULTS_PER_ROUND = 0.22;
type Planned = Exclude<FaultKind, 'latency'>;
/** How often of each kind; a program lives for a hundred rounds and more, so that a leak would show. */
const WEIGHTS: readonly (readonly [Planned, number])[] = [
  ['kill', 3],
  ['cut', 3],
  ['drop', 3],
  ['partition', 3],
  ['slow', 3],
  ['tamper', 3],
  ['duplicate', 1],
  ['reorder', 1],
];
const ENCLAVE_SHARE = 0.2;

export interface SoakPlan {
  readonly rounds: number;
  readonly seed: number;
  /** Ids. */
  readonly hospitals: readonly string[];
}

/** Faults at random places; the same for the same plan. */
export function planSoak({ rounds, seed, hospitals }: SoakPlan): FaultRequest[] {
  const stream = seededStream(seed, 'soak');
  const faults: FaultRequest[] = [];
  /** Everybody once before anybody twice. */
  let victims: string[] = [];
  const nextVictim = (): string => {
    if (victims.length === 0) victims = ['enclave', 'coordinator', ...hospitals];
    return victims.splice(stream.below(victims.length), 1)[0] ?? 'enclave';
  };
  for (let round = 1 + QUIET_ROUNDS; round <= rounds - QUIET_ROUNDS; round++)
    if (stream.uniform() < FAULTS_PER_ROUND) faults.push(drawFault(stream, { round, hospitals, nextVictim }));
  return faults;
}

interface Drawing {
  readonly round: number;
  readonly hospitals: readonly string[];
  readonly nextVictim: () => string;
}

function drawFault(stream: SeededStream, { round, hospitals, nextVictim }: Drawing): FaultRequest {
  const kind = drawKind(stream);
  const first = hospitals[stream.below(hospitals.length)] ?? '';
  const second = hospitals[stream.below(hospitals.length)] ?? '';
  const isEnclave = stream.uniform() < ENCLAVE_SHARE;
  const phase = STRIKE_PHASES[kind === 'kill' ? 1 + stream.below(3) : stream.below(4)] ?? 'upload';
  const seconds = (3 + stream.below(18)) / 10;
  const [delayMs, rate, afterBytes] = [20 + stream.below(180), 2_000 + stream.below(30_000), stream.below(20_000)];
  const one = isEnclave ? ['enclave'] : [first];
  const place = (parties: readonly string[]) => {
    const asked = `${kind} ${parties.join(',')}@${round}/${phase}`;
    return { parties, round, phase, asked };
  };
  switch (kind) {
    case 'kill':
      return { ...place([nextVictim()]), kind };
    case 'partition':
      return { ...place(isEnclave ? one : [...new Set([first, second])]), kind, seconds };
    case 'drop':
      return { ...place(one), kind, seconds };
    case 'slow':
      return { ...place(one), kind, seconds, delayMs, jitterMs: delayMs / 2, bytesPerSecond: isEnclave ? null : rate };
    case 'cut':
      return { ...place(one), kind, afterBytes };
    case 'tamper':
    case 'duplicate':
    case 'reorder':
      return { ...place(one), kind };
  }
}

function drawKind(stream: SeededStream): Planned {
  const all = WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0);
  let drawn = stream.below(all);
  for (const [kind, weight] of WEIGHTS) {
    if (drawn < weight) return kind;
    drawn -= weight;
  }
  throw new Error('weights without an end');
}
