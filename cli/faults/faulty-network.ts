import type { Seed } from '../../lib/data/seeded-stream.ts';
import { FaultProxy } from './fault-proxy.ts';
import type { FaultRequest } from './fault-request.ts';
import type { LinkConditions, LinkCounts, Mangling } from './link-conditions.ts';

type Outage = Exclude<LinkConditions['reach'], 'open'>;
type Speed = Pick<LinkConditions, 'delayMs' | 'jitterMs' | 'bytesPerSecond'>;

const FULL_SPEED: Speed = { delayMs: 0, jitterMs: 0, bytesPerSecond: null };

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The lines of a run on which something is to happen, by the party that they belong to. */
export class FaultyNetwork {
  readonly #parties: ReadonlySet<string>;
  readonly #seedOf: (line: string) => Seed;
  readonly #lines = new Map<string, FaultProxy[]>();
  readonly #speeds = new Map<string, Speed>();
  readonly #slowed = new Map<string, Map<symbol, Speed>>();
  readonly #outages = new Map<string, Map<symbol, Outage>>();

  constructor({
    faults,
    seedOf,
  }: {
    readonly faults: readonly FaultRequest[];
    readonly seedOf: (line: string) => Seed;
  }) {
    this.#parties = new Set(faults.flatMap(({ kind, parties }) => (kind === 'kill' ? [] : parties)));
    this.#seedOf = seedOf;
  }

  /** Where `party` must dial to reach `target`: itself, unless something is to happen to this party's lines. */
  async lay<T extends Address>(party: string, target: T): Promise<T> {
    if (!this.#parties.has(party)) return target;
    const lines = this.#lines.get(party) ?? [];
    const proxy = await FaultProxy.start({ target, seed: this.#seedOf(`${party} ${lines.length}`) });
    this.#lines.set(party, [...lines, proxy]);
    return { ...target, ...proxy.address };
  }

  /** For the whole run. */
  change(party: string, speed: Speed): void {
    this.#speeds.set(party, speed);
    this.#apply(party);
  }

  /** Until the returned function is called; of several the last one counts. */
  slowDown(party: string, { delayMs, jitterMs, bytesPerSecond }: Speed): () => void {
    return this.#impose(this.#slowed, party, { delayMs, jitterMs, bytesPerSecond });
  }

  /** Takes every line of `party` away until the returned function is called; of several the worst counts. */
  takeAway(party: string, how: Outage): () => void {
    return this.#impose(this.#outages, party, how);
  }

  /** Once, to the next chunk that `party` sends. */
  mangle(party: string, how: Mangling): void {
    for (const line of this.#of(party)) line.mangleNext(how);
  }

  /** Resets the connections of `party` after so many more bytes. */
  cut(party: string, afterBytes: number): void {
    for (const line of this.#of(party)) line.cut({ afterBytes });
  }

  /** Of each line of `party`. */
  counts(party: string): readonly LinkCounts[] {
    return this.#of(party).map(({ counts }) => counts);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lines.values()].flat().map((line) => line.close()));
  }

  #impose<T>(all: Map<string, Map<symbol, T>>, party: string, what: T): () => void {
    const imposed = all.get(party) ?? new Map<symbol, T>();
    all.set(party, imposed);
    const one = Symbol(party);
    imposed.set(one, what);
    this.#apply(party);
    return () => {
      if (imposed.delete(one)) this.#apply(party);
    };
  }

  #apply(party: string): void {
    const outages = [...(this.#outages.get(party)?.values() ?? [])];
    const reach = outages.includes('refused') ? 'refused' : (outages[0] ?? 'open');
    const slowed = [...(this.#slowed.get(party)?.values() ?? [])].at(-1);
    const speed = slowed ?? this.#speeds.get(party) ?? FULL_SPEED;
    for (const line of this.#of(party)) line.change({ ...speed, reach });
  }

  #of(party: string): readonly FaultProxy[] {
    return this.#lines.get(party) ?? [];
  }
}
