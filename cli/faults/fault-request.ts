import type { Mangling } from './link-conditions.ts';

/** When in a round a fault strikes: what the coordinator waits for just then. */
export const STRIKE_PHASES = ['opening', 'commit', 'upload', 'acknowledge'] as const;
export type StrikePhase = (typeof STRIKE_PHASES)[number];

interface Placed {
  readonly parties: readonly string[];
  readonly round: number;
  readonly phase: StrikePhase;
}

/** What is asked for, as yet unchecked against a study. */
export type FaultRequest = (
  | (Placed & {
      /** Connections are reset and refused, or packets vanish. */
      readonly kind: 'drop' | 'partition';
      /** null: until the attempt under way is over. */
      readonly seconds: number | null;
    })
  | (Placed & {
      readonly kind: 'slow';
      readonly seconds: number;
      readonly delayMs: number;
      readonly jitterMs: number;
      readonly bytesPerSecond: number | null;
    })
  | (Placed & {
      /** Every connection is reset, once so many more bytes have passed. */
      readonly kind: 'cut';
      readonly afterBytes: number;
    })
  /** SIGKILL; or of what the party sends one chunk is altered, repeated, or exchanged with another, once. */
  | (Placed & { readonly kind: 'kill' | Mangling })
  | {
      /** For the whole run. */
      readonly kind: 'latency';
      /** Empty: every hospital. */
      readonly parties: readonly string[];
      readonly delayMs: number;
      readonly jitterMs: number;
    }
) & {
  /** The flag and its value as they were typed. */
  readonly asked: string;
};

export type FaultKind = FaultRequest['kind'];

const MAX_ROUND = 100_000;
const MAX_SECONDS = 86_400;
const MAX_LATENCY_MS = 60_000;
const PLACE = /^([^@:]+)@(\d{1,6})(?::(\d{1,5}(?:\.\d{1,3})?))?$/;
const LATENCY = /^(?:([^:@]+):)?(\d{1,5}(?:\.\d{1,3})?(?:ms|s))(?:(?:±|\+-)(\d{1,5}(?:\.\d{1,3})?(?:ms|s)))?$/;

/** `site-3@2` or `site-3@2:5`; what is wrong with the text otherwise. */
export function parseOutage(kind: 'drop' | 'partition', text: string): FaultRequest | string {
  const shape = kind === 'drop' ? '<hospital>@<round>[:<seconds>]' : '<hospital>,<hospital>@<round>[:<seconds>]';
  const place = placeOf(text);
  if (place === null) return `must be ${shape}, such as ${kind === 'drop' ? 'site-3@2' : 'site-1,site-2@3:5'}`;
  const { parties, round, seconds } = place;
  if (kind === 'drop' && parties.length > 1) return `must name one hospital; repeat --drop for another`;
  return { kind, parties, round, phase: 'opening', seconds, asked: `--${kind} ${text}` };
}

/** `enclave@5` or `enclave@5/commit`; what is wrong with the text otherwise. */
export function parseKill(text: string): FaultRequest | string {
  const [before = '', after] = text.split(/\/(.*)/s, 2);
  const place = placeOf(before);
  const phase = STRIKE_PHASES.slice(1).find((name) => name === (after ?? 'upload'));
  if (place?.parties.length !== 1 || place.seconds !== null || phase === undefined)
    return 'must be <party>@<round>[/commit|upload|acknowledge], such as enclave@5';
  return { kind: 'kill', parties: place.parties, round: place.round, phase, asked: `--kill ${text}` };
}

/** `site-4@3`; what is wrong with the text otherwise. */
export function parseTamper(text: string): FaultRequest | string {
  const place = placeOf(text);
  if (place?.parties.length !== 1 || place.seconds !== null) return 'must be <hospital>@<round>, such as site-4@3';
  return { kind: 'tamper', parties: place.parties, round: place.round, phase: 'opening', asked: `--tamper ${text}` };
}

/** `200ms`, `1s±250ms` or `site-3:200ms±50ms`; what is wrong with the text otherwise. */
export function parseLatency(text: string): FaultRequest | string {
  const [, party, delay, jitter] = LATENCY.exec(text) ?? [];
  if (delay === undefined) return 'must be [<hospital>:]<time>[±<time>], such as 200ms or site-3:200ms±50ms';
  const [delayMs, jitterMs] = [milliseconds(delay), jitter === undefined ? 0 : milliseconds(jitter)];
  if (delayMs > MAX_LATENCY_MS) return `must be at most ${MAX_LATENCY_MS / 1000}s`;
  if (jitterMs > delayMs) return 'must not vary by more than itself';
  return {
    kind: 'latency',
    parties: party === undefined ? [] : [party],
    delayMs,
    jitterMs,
    asked: `--latency ${text}`,
  };
}

interface Place {
  readonly parties: readonly string[];
  readonly round: number;
  readonly seconds: number | null;
}

function placeOf(text: string): Place | null {
  const [, names, number, time] = PLACE.exec(text) ?? [];
  if (names === undefined) return null;
  const parties = names.split(',').map((name) => name.trim());
  const round = Number(number);
  const seconds = time === undefined ? null : Number(time);
  if (parties.some((party) => party === '') || round < 1 || round > MAX_ROUND) return null;
  if (seconds !== null && (seconds === 0 || seconds > MAX_SECONDS)) return null;
  return { parties, round, seconds };
}

const milliseconds = (text: string): number =>
  text.endsWith('ms') ? Number(text.slice(0, -2)) : 1000 * Number(text.slice(0, -1));
