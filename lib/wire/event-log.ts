import type { Instant } from '../core/ids.ts';
import type { MessageCodec } from './message-codec.ts';

interface Stamp {
  readonly sequence: number;
  readonly at: Instant;
}

/** An event before it has its number and time. */
export type NoticeOf<E extends Stamp> = E extends Stamp ? Omit<E, keyof Stamp> : never;

/** Where an event is kept: of each shelf only the newest are, so that no kind of event pushes out another. */
export interface Shelf {
  readonly name: string;
  /** Infinity: all of them, for as long as the log lives. */
  readonly newest: number;
}

interface EventLogParts<E extends Stamp> {
  readonly now: () => Instant;
  /** Every event passes it when it is added: what a watcher could not be sent never gets into the log. */
  readonly codec: MessageCodec<E>;
  readonly shelfOf: (event: E) => Shelf;
  /** Told instead of a notice that breaks its own rules; null: nothing is told. */
  readonly substitute: NoticeOf<E> | null;
  /** Told why a notice was not added as it was. */
  readonly onFault: (fault: unknown) => void;
}

/** Numbers what happened in this boot, keeps it, and feeds every watcher from where it wants to begin. */
export class EventLog<E extends Stamp> {
  readonly #parts: EventLogParts<E>;
  /** By sequence, oldest first. */
  readonly #events = new Map<number, E>();
  readonly #shelves = new Map<string, Set<number>>();
  readonly #waiting = new Set<() => void>();
  /** Of the next event. */
  #sequence = 0;

  constructor(parts: EventLogParts<E>) {
    this.#parts = parts;
  }

  /** Never throws: one bad notice must not end what everybody else is told. */
  add(notice: NoticeOf<E>): void {
    const event = this.#sound(notice) ?? this.#substituted();
    if (event === null) return;
    this.#sequence += 1;
    this.#events.set(event.sequence, event);
    this.#shelve(event);
    for (const wake of [...this.#waiting]) wake();
  }

  /** Every kept event from `from` on, then what comes, until `signal` aborts. Forgotten ones leave gaps. */
  async *watch(from: number, signal: AbortSignal): AsyncGenerator<E> {
    const over = (): boolean => signal.aborted;
    let next = from;
    while (!over()) {
      const upTo = this.#sequence;
      for (const sequence of this.#kept(next)) {
        const event = this.#events.get(sequence);
        if (event !== undefined) yield event;
        if (over()) return;
      }
      next = Math.max(next, upTo);
      if (next >= this.#sequence) await this.#change(signal);
    }
  }

  /** Of the events from `next` on those that are kept now, oldest first; the forgotten ones are not counted through. */
  #kept(next: number): number[] {
    const behind = Math.max(this.#sequence - next, 0);
    if (behind > this.#events.size) return [...this.#events.keys()].filter((sequence) => sequence >= next);
    return Array.from({ length: behind }, (_, index) => next + index).filter((sequence) => this.#events.has(sequence));
  }

  #stamped(notice: NoticeOf<E>): E {
    // The same fields again, with the two that the notice lacks.
    return { ...notice, sequence: this.#sequence, at: this.#parts.now() } as unknown as E;
  }

  #sound(notice: NoticeOf<E>): E | null {
    const event = this.#stamped(notice);
    try {
      this.#parts.codec.encode(event);
      return event;
    } catch (fault) {
      this.#parts.onFault(fault);
      return null;
    }
  }

  #substituted(): E | null {
    const { substitute } = this.#parts;
    return substitute === null ? null : this.#stamped(substitute);
  }

  #shelve(event: E): void {
    const { name, newest } = this.#parts.shelfOf(event);
    if (newest === Infinity) return;
    const shelf = this.#shelves.get(name) ?? new Set();
    this.#shelves.set(name, shelf);
    shelf.add(event.sequence);
    for (const oldest of shelf) {
      if (shelf.size <= newest) break;
      shelf.delete(oldest);
      this.#events.delete(oldest);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}
