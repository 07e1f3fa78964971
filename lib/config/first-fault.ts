import { refusal, RefusalError } from '../core/errors.ts';

/**
 * Where the faults of work that nobody waits for end up (timers, watchers). After one the program's state is unknown:
 * it stops, and what it stored tells the next start how to go on.
 */
export class FirstFault {
  /** Never resolves. Rejects with the first refusal reported, or with E-INTERNAL for any other fault. */
  readonly happened: Promise<never>;
  readonly report: (fault: unknown) => void;

  /** `log` is told of every fault, also of those behind the first. */
  constructor(log: (fault: unknown) => void) {
    const { promise, reject } = Promise.withResolvers<never>();
    // A fault may be reported before anybody waits for one.
    promise.catch(() => undefined);
    this.happened = promise;
    this.report = (fault) => {
      log(fault);
      reject(fault instanceof RefusalError ? fault : new RefusalError(refusal('E-INTERNAL')));
    };
  }
}
