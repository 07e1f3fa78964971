import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { measureHeap } from './heap.ts';
import type { Sample } from './growth.ts';

/** A process younger than this may not be ready for a signal, and is still growing to its size. */
const GROWN_UP_MS = 4_000;
/** Samples of the first rounds of a life are left out: code is compiled and caches fill, a megabyte or two of them. */
const WARM_UP_ROUNDS = 50;

/** What starts a program is no program of the study. */
const CHIP = 'chip of ';

interface Program {
  /** `enclave`, `coordinator`, a hospital; with `chip of` for what starts the program. */
  readonly name: string;
  readonly pid: number;
}

interface Life {
  readonly firstRound: number;
  readonly sinceMs: number;
}

/** Reads memory and file sizes of a running study from outside; Linux only. */
export class Sampler {
  readonly #work: string;
  readonly #leaders: ReadonlyMap<string, number>;
  readonly #lives = new Map<number, Life>();
  readonly #samples = new Map<string, Sample[]>();
  #busy = false;
  /** The newest that was released: measuring heaps takes longer than a round. */
  #round = 0;
  /** Heaps that could not be read, because the process ended meanwhile. */
  missed = 0;

  /** `leaders`: the process that was started for each party, kept up to date by whoever owns it. */
  constructor(work: string, leaders: ReadonlyMap<string, number>) {
    this.#work = work;
    this.#leaders = leaders;
  }

  /** By measure and what was measured: `rss of enclave`, `heap of …`, `external of …`, `file coordinator/coordinator.sqlite`, `wal …`. */
  get samples(): ReadonlyMap<string, readonly Sample[]> {
    return this.#samples;
  }

  /** Memory and sizes as they are now. */
  take(round: number): void {
    this.#round = round;
    for (const [name, bytes] of this.#fileSizes())
      this.#keep(`${name.endsWith('-wal') ? 'wal' : 'file'} ${name}`, { round, life: 'file', value: bytes });
    for (const program of this.#programs()) this.#takeRss(program, round);
  }

  /** One program after the other, in seconds; a call while another one measures does nothing. */
  async takeHeaps(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (const program of this.#programs()) await this.#takeHeap(program);
    } finally {
      this.#busy = false;
    }
  }

  #takeRss({ name, pid }: Program, round: number): void {
    const rss = residentBytes(pid);
    if (rss === null) return;
    const life = this.#lives.get(pid) ?? { firstRound: round, sinceMs: performance.now() };
    this.#lives.set(pid, life);
    if (round - life.firstRound >= WARM_UP_ROUNDS)
      this.#keep(`rss of ${name}`, { round, life: String(pid), value: rss });
  }

  async #takeHeap({ name, pid }: Program): Promise<void> {
    const life = this.#lives.get(pid);
    const round = this.#round;
    if (name.startsWith(CHIP) || life === undefined || performance.now() - life.sinceMs < GROWN_UP_MS) return;
    if (round - life.firstRound < WARM_UP_ROUNDS) return;
    const heap = await measureHeap(pid);
    if (heap === null) {
      this.missed += 1;
      return;
    }
    this.#keep(`heap of ${name}`, { round, life: String(pid), value: heap.heapBytes });
    this.#keep(`external of ${name}`, { round, life: String(pid), value: heap.externalBytes });
  }

  #keep(what: string, sample: Sample): void {
    const known = this.#samples.get(what);
    if (known === undefined) this.#samples.set(what, [sample]);
    else known.push(sample);
  }

  #programs(): Program[] {
    const children = childrenByParent();
    return [...this.#leaders].flatMap(([name, pid]) => {
      const [child] = children.get(pid) ?? [];
      if (name === 'coordinator') return [{ name, pid }];
      return [{ name: `${CHIP}${name}`, pid }, ...(child === undefined ? [] : [{ name, pid: child }])];
    });
  }

  /** Stores of every party, with what SQLite keeps beside them, and logs; not the received models, which are the product. */
  #fileSizes(): [string, number][] {
    const files = quietly(() => readdirSync(this.#work, { recursive: true, withFileTypes: true }), []);
    return files.flatMap((entry): [string, number][] => {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || !/\.sqlite(?:-wal)?$|\.log$/.test(entry.name)) return [];
      return [[relative(this.#work, path), quietly(() => statSync(path).size, 0)]];
    });
  }
}

/** Only processes whose parent is looked for are of interest: the table of all of them is small. */
function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // pid (comm) state ppid …; comm may hold anything, parentheses too.
    const stat = quietly(() => readFileSync(join('/proc', name, 'stat'), 'latin1'), '');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (Number.isInteger(parent)) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  return children;
}

function residentBytes(pid: number): number | null {
  const status = quietly(() => readFileSync(join('/proc', String(pid), 'status'), 'latin1'), '');
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1024;
}

/** A process may end, and a file go, while it is looked at. */
function quietly<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
