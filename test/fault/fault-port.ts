import type { ProgramLife } from './program-life.ts';

/**
 * How one operation goes wrong. `before`: it never happens. `after`: it happens, and its program does not learn of it.
 * `crash`: the program is gone at that moment. `fail`: it lives, and is told that the operation failed.
 */
export type FaultMode = 'crash before' | 'crash after' | 'fail before' | 'fail after';

/** One operation of a program that the outside notices: a write to its disk, or something sent to another program. */
export interface FaultPoint {
  readonly program: string;
  readonly kind: 'write' | 'send';
  /** What is written or sent, for people. */
  readonly what: string;
}

interface Operation<T> {
  /** The program that performs it. */
  readonly life: ProgramLife;
  readonly perform: () => T | Promise<T>;
  /** What the program gets when it is told that the operation failed; may throw. */
  readonly failed: () => T;
}

/** Counts every operation that passes, and lets those go wrong that `choose` picks. */
export class FaultPort {
  /** In the order in which they were begun. */
  readonly passed: FaultPoint[] = [];
  readonly #choose: (point: FaultPoint, index: number) => FaultMode | null;

  constructor(choose: (point: FaultPoint, index: number) => FaultMode | null) {
    this.#choose = choose;
  }

  /** A dead program's operation is neither counted nor performed, and never ends. */
  async through<T>(point: FaultPoint, { life, perform, failed }: Operation<T>): Promise<T> {
    if (!life.alive) return life.never();
    this.passed.push(point);
    const mode = this.#choose(point, this.passed.length - 1);
    if (mode === 'crash before') return this.#crash(life);
    if (mode === 'fail before') return failed();
    const result = await life.seen(Promise.resolve(perform()));
    if (mode === 'crash after') return this.#crash(life);
    return mode === 'fail after' ? failed() : result;
  }

  #crash(life: ProgramLife): Promise<never> {
    life.end();
    return life.never();
  }
}
