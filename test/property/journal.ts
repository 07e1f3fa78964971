/** What a crash does to a write: it never reached the disk, or it did and nobody was told. */
export type Fate = 'lost' | 'unreported';

/** A party's disk: what was appended together, in order. A snapshot of it is a number of appends. */
export class Journal<E> {
  readonly #appends: (readonly E[])[];

  constructor(appends: readonly (readonly E[])[] = []) {
    this.#appends = [...appends];
  }

  get length(): number {
    return this.#appends.length;
  }

  get events(): readonly E[] {
    return this.#appends.flat();
  }

  append(events: readonly E[]): void {
    this.#appends.push(events);
  }

  /** A copy of the disk as it was after its first `appends` writes. */
  copy(appends: number): Journal<E> {
    return new Journal(this.#appends.slice(0, appends));
  }

  /** The backup is put back. */
  restore(appends: number): void {
    this.#appends.splice(appends);
  }
}
