import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress, ProgressEvent } from '../../cli/output/progress-event.ts';
import type { RunSummary } from '../../cli/report/run-summary.ts';
import { runFolder, type RunFolder } from '../../cli/simulation/run-folder.ts';
import { simulate } from '../../cli/simulation/simulate.ts';
import { openStatement, type Statement } from '../../lib/audit/statement.ts';
import { decodeCbor } from '../../lib/core/cbor.ts';
import { describeRefusal, RefusalError } from '../../lib/core/errors.ts';
import { generateCohorts } from '../../lib/data/cohorts.ts';
import { complaints, uninvitedDeaths } from './deaths.ts';
import { explainRounds, timedFaults, type RoundOutcome } from './explain.ts';
import { heapsCanBeMeasured } from './heap.ts';
import { planSoak } from './plan.ts';
import { Sampler } from './sampler.ts';
import { judge, type Verdict } from './verdict.ts';

const SHIPPED = join(import.meta.dirname, '..', '..', 'examples', 'heart-disease', 'study.yaml');
/** How often memory and files are looked at in a run, and heaps, which takes seconds. */
const SAMPLES = 250;
const HEAP_SAMPLES = 25;
const SHOW_EVERY = 10;

export interface SoakOptions {
  readonly rounds: number;
  readonly seed: number;
  /** A folder that exists; the run folder is made in it. */
  readonly out: string;
  readonly say: (text: string) => void;
}

/** A whole study of real processes with its planned faults, watched from outside. Linux only. */
export async function soak({ rounds, seed, out, say }: SoakOptions): Promise<Verdict> {
  const hospitals = generateCohorts(1)
    .map(({ organisation }) => String(organisation))
    .sort();
  const faults = planSoak({ rounds, seed, hospitals });
  const heaps = await heapsCanBeMeasured();
  say(
    `seed ${seed}: ${rounds} rounds, ${faults.length} faults${heaps ? '' : '; heaps are not measured, port 9229 is taken'}`,
  );
  const study = join(out, 'study.yaml');
  writeFileSync(study, impatientStudy());
  const folder = runFolder(join(out, 'run'));
  const watch = new Watch({ rounds, folder, heaps, say });
  const startedAtMs = Date.now();
  const given = { data: null, study, rounds, seed: null, out: folder.root, keep: true, sites: null, split: false };
  const unnoised = { noise: 'none', epsilon: null, delta: null } as const;
  const options = { ...given, ...unnoised, direct: false, lies: [], backend: null, faults };
  const ended = await simulate(options, { progress: watch, ...stopOnSignals() }).catch((fault: unknown) => {
    if (fault instanceof RefusalError) return fault.refusals.map(describeRefusal).join('; ');
    throw fault;
  });
  await watch.finished();
  const trouble = typeof ended === 'string' ? ended : null;
  const summary = typeof ended === 'string' ? null : ended.summary;
  return judge({
    rounds,
    trouble,
    heaps,
    outcomes: summary === null ? [] : outcomesOf(summary, { folder, startedAtMs, rounds, hospitals }),
    samples: watch.samples,
    neverStruck: summary?.faults.filter(({ struck }) => struck === null).map(({ asked }) => asked) ?? [],
    deaths: [...uninvitedDeaths(watch.events), ...complaints(folder.logs)],
  });
}

interface WatchParts {
  readonly rounds: number;
  readonly folder: RunFolder;
  readonly heaps: boolean;
  readonly say: (text: string) => void;
}

/** Follows the run by its progress and takes samples beside it. */
class Watch implements Progress {
  /** What happened to processes, and the faults behind it. */
  readonly events: ProgressEvent[] = [];
  readonly #parts: WatchParts;
  readonly #leaders = new Map<string, number>();
  readonly #sampler: Sampler;
  readonly #startedAt = performance.now();
  #aborts = 0;
  #sampling: Promise<void> = Promise.resolve();

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#sampler = new Sampler(parts.folder.work, this.#leaders);
  }

  get samples(): Sampler['samples'] {
    return this.#sampler.samples;
  }

  show(event: ProgressEvent): void {
    if (event.type === 'process' || event.type === 'fault') this.events.push(event);
    if (event.type === 'process') {
      const pid = /^pid (\d+)$/.exec(event.detail ?? '')?.[1];
      if (pid !== undefined) this.#leaders.set(event.name, Number(pid));
    }
    if (event.type === 'aborted') this.#aborts += 1;
    if (event.type === 'released') this.#onReleased(event.round);
  }

  close(): void {
    // Nothing is drawn that would have to be tidied.
  }

  /** Resolves when the last sample is taken. */
  finished(): Promise<void> {
    return this.#sampling;
  }

  #onReleased(round: number): void {
    const { rounds, heaps, say } = this.#parts;
    const isEvery = (samples: number): boolean => round % Math.max(1, Math.floor(rounds / samples)) === 0;
    if (isEvery(SAMPLES)) this.#sampler.take(round);
    if (heaps && isEvery(HEAP_SAMPLES))
      this.#sampling = Promise.all([this.#sampling, this.#sampler.takeHeaps()]).then(() => undefined);
    if (round % SHOW_EVERY !== 0) return;
    const count = (type: string, state: string): number =>
      this.events.filter((event) => event.type === type && 'state' in event && event.state === state).length;
    const each = ((performance.now() - this.#startedAt) / round / 1000).toFixed(2);
    const seen = `${count('fault', 'struck')} faults, ${count('process', 'restarted')} restarts, ${this.#aborts} aborts`;
    say(`round ${round} of ${rounds}, ${each} s each: ${seen}`);
  }
}

interface Ended {
  readonly folder: RunFolder;
  readonly startedAtMs: number;
  readonly rounds: number;
  readonly hospitals: readonly string[];
}

const outcomesOf = (
  { faults, policy }: RunSummary,
  { folder, startedAtMs, rounds, hospitals }: Ended,
): RoundOutcome[] =>
  explainRounds({
    statements: statementsIn(folder.statements),
    faults: timedFaults(faults, startedAtMs),
    hospitals,
    kMin: policy?.kMin ?? hospitals.length,
    rounds,
  });

/** The shipped study with deadlines that a run of hundreds of rounds can wait for, and frequent re-attestation. */
function impatientStudy(): string {
  return readFileSync(SHIPPED, 'utf8')
    .replace(/^deadlines: .*$/m, 'deadlines: { commitMs: 8000, uploadMs: 8000, acknowledgeMs: 8000 }')
    .replace(/^reattestIntervalMs: .*$/m, 'reattestIntervalMs: 30000');
}

function statementsIn(path: string): Statement[] {
  const decoded = decodeCbor(new Uint8Array(readFileSync(path)), { maxBytes: Number.MAX_SAFE_INTEGER, maxDepth: 4 });
  if (!decoded.ok || !Array.isArray(decoded.value)) throw new Error('statements.cbor is no list');
  return decoded.value.map((one) => {
    const opened = one instanceof Uint8Array ? openStatement(one) : null;
    if (opened?.ok !== true) throw new Error('statements.cbor holds what is no statement');
    return opened.value.statement;
  });
}

/** The first signal ends the run in order, the second at once. */
function stopOnSignals(): { readonly signal: AbortSignal; readonly impatience: AbortSignal } {
  const [stopping, impatience] = [new AbortController(), new AbortController()];
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stopping.signal.aborted) impatience.abort();
      stopping.abort();
    });
  return { signal: stopping.signal, impatience: impatience.signal };
}
