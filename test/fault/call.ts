import { refusal, RefusalError, type Refusal } from '../../lib/core/errors.ts';
import { err, type Result } from '../../lib/core/result.ts';
import { gone } from './pipe.ts';
import type { Program } from './program.ts';
import type { ProgramLife } from './program-life.ts';

interface Call<T> {
  readonly from: Program;
  /** The life that calls; a later one of the same program hears no answer. */
  readonly life: ProgramLife;
  readonly to: Program;
  readonly what: string;
  /** Does what was asked for, in the program that is called. */
  readonly serve: () => Promise<Result<T, Refusal>>;
}

/** One call from program to program: call and answer each pass the fault port. E-TRANSPORT when either is lost. */
export function call<T>({ from, life, to, what, serve }: Call<T>): Promise<Result<T, Refusal>> {
  const { promise, resolve } = Promise.withResolvers<Result<T, Refusal>>();
  const unreached = (): void => {
    resolve(err(gone().refusals[0]));
  };
  const answer = async (callee: ProgramLife): Promise<void> => {
    const answered = await outcomeOf(serve());
    const perform = (): void => {
      resolve(answered);
    };
    const point = { program: to.name, kind: 'send', what: `answer to ${what}` } as const;
    await to.port.through(point, { life: callee, perform, failed: unreached });
  };
  const perform = (): void => {
    const callee = to.life;
    if (callee === null || !callee.alive) {
      unreached();
      return;
    }
    callee.onEnd(unreached);
    void answer(callee);
  };
  void from.port.through({ program: from.name, kind: 'send', what }, { life, perform, failed: unreached });
  return life.seen(promise);
}

/** As lib/wire answers: refusals as they are, anything else as E-INTERNAL. */
async function outcomeOf<T>(work: Promise<Result<T, Refusal>>): Promise<Result<T, Refusal>> {
  try {
    return await work;
  } catch (fault) {
    return err(fault instanceof RefusalError ? fault.refusals[0] : refusal('E-INTERNAL'));
  }
}
