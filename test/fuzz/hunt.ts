import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Draws, mutant, type Seeds, type Style } from './mutations.ts';

/** A parser that is given mutants; `parse` says whether it took one. */
export interface Quarry {
  readonly name: string;
  readonly style: Style;
  /** Read when it is its turn: real evidence, or that of fake authorities. */
  readonly seeds: () => Seeds;
  readonly parse: (bytes: Uint8Array) => boolean;
}

/** An input that broke a promise. */
export interface Find {
  readonly what: string;
  readonly input: Uint8Array;
}

export interface Hunt {
  readonly name: string;
  readonly inputs: number;
  readonly parsed: number;
  readonly refused: number;
  /** Milliseconds of the slowest input; a suspect is given three more times, and its least time counts. */
  readonly slowest: number;
  /** Bytes held at the end and not yet after the first tenth, garbage collected both times; 0 for a short hunt. */
  readonly growth: number;
  readonly finds: readonly Find[];
}

const MAX_MS = 50;
/** What a hunt may leave behind: memos that were not full yet, and code that was compiled. */
const MAX_GROWTH_BYTES = 12 * 1024 * 1024;
/** With fewer, what was compiled and remembered by the way is most of it. */
const LEAST_FOR_GROWTH = 5000;
const MAX_FINDS = 5;

export interface HuntRules {
  readonly inputs: number;
  readonly seed: number;
  /** Of one input; left out: 50. */
  readonly maxMs?: number;
}

/** Mutants of the seeds, one after the other: none may throw, take more than 50 ms, or leave memory behind. */
export function hunt({ name, style, seeds: read, parse }: Quarry, { inputs, seed, maxMs = MAX_MS }: HuntRules): Hunt {
  const seeds = read();
  const draws = new Draws(seed);
  const finds: Find[] = [];
  const count = { parsed: 0, refused: 0 };
  let slowest = 0;
  const watched = inputs >= LEAST_FOR_GROWTH;
  let before = 0;
  for (let index = 0; index < inputs && finds.length < MAX_FINDS; index++) {
    if (watched && index === Math.floor(inputs / 10)) before = heldBytes();
    const input = mutant(draws, seeds, style);
    try {
      const { took, ok } = timed(parse, input);
      const least = took > maxMs ? Math.min(took, ...[1, 2, 3].map(() => timed(parse, input).worked)) : took;
      slowest = Math.max(slowest, least);
      count[ok ? 'parsed' : 'refused'] += 1;
      if (least > maxMs) finds.push({ what: `took ${least.toFixed(0)} ms`, input });
    } catch (fault) {
      finds.push({ what: fault instanceof Error ? (fault.stack ?? fault.message) : String(fault), input });
    }
  }
  const growth = before > 0 ? heldBytes() - before : 0;
  if (growth > MAX_GROWTH_BYTES) finds.push({ what: `holds ${growth} bytes more`, input: new Uint8Array() });
  return { name, inputs: count.parsed + count.refused, ...count, slowest, growth, finds };
}

/** Milliseconds by the clock, and of this thread's own work, which a busy machine does not lengthen. */
function timed(parse: Quarry['parse'], input: Uint8Array): { took: number; worked: number; ok: boolean } {
  const start = performance.now();
  const before = process.threadCpuUsage();
  const ok = parse(input);
  const { user, system } = process.threadCpuUsage(before);
  return { took: performance.now() - start, worked: (user + system) / 1000, ok };
}

function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // Buffers are let go one collection after the objects that had them.
  for (let times = 0; times < 3; times++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
