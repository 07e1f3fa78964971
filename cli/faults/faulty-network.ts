import type { Seed } from '../../lib/data/seeded-stream.ts';
import { FaultProxy } from './fault-proxy.ts';
import type { FaultRequest, OneShot } from './fault-request.ts';
import type { LinkConditions, LinkCounts } from './link-conditions.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The lines of a run on which something is to happen, by the party that they belong to. */
export class FaultyNetwork {
  readonly #parties: ReadonlySet<string>;
  readonly #seedOf: (line: string) => Seed;
  readonly #lines = new Map<string, FaultProxy[]>();
  /** What is wrong with the lines of a party at the moment; the worst counts. */
  readonly #outages = new Map<string, Map<symbol, 'refused' | 'silent'>>();

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

  change(party: string, conditions: Partial<Omit<LinkConditions, 'reach'>>): void {
    for (const line of this.#of(party)) line.change(conditions);
  }

  /** Takes every line of `party` away until the returned function is called. */
  takeAway(party: string, how: 'refused' | 'silent'): () => void {
    const outages = this.#outages.get(party) ?? new Map<symbol, 'refused' | 'silent'>();
    this.#outages.set(party, outages);
    const outage = Symbol(party);
    outages.set(outage, how);
    this.#apply(party);
    return () => {
      if (outages.delete(outage)) this.#apply(party);
    };
  }

  /** Once, to what `party` sends. */
  strike(party: string, what: OneShot): void {
    for (const line of this.#of(party)) {
      if (what === 'cut') line.cut();
      else line.mangleNext(what);
    }
  }

  /** Of each line of `party`. */
  counts(party: string): readonly LinkCounts[] {
    return this.#of(party).map(({ counts }) => counts);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lines.values()].flat().map((line) => line.close()));
  }

  #apply(party: string): void {
    const outages = [...(this.#outages.get(party)?.values() ?? [])];
    const reach = outages.includes('refused') ? 'refused' : (outages[0] ?? 'open');
    for (const line of this.#of(party)) line.change({ reach });
  }

  #of(party: string): readonly FaultProxy[] {
    return this.#lines.get(party) ?? [];
  }
}
