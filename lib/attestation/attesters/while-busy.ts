import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from './unavailable.ts';

const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 20;
const BUSY: readonly (string | null)[] = ['EBUSY', 'EAGAIN', 'EINTR'];

/** Thrown by an attempt that was disturbed and may be made again. */
export class Disturbed extends Error {}

export type Pause = (milliseconds: number) => Promise<unknown>;

/** Makes at most six attempts, pauses doubling from 20 ms; rejects like the last one. */
export async function whileBusy<T>(attempt: () => Promise<T>, pause: Pause = (ms) => sleep(ms)): Promise<T> {
  for (let made = 1; ; made++) {
    try {
      return await attempt();
    } catch (fault) {
      const again = fault instanceof Disturbed || BUSY.includes(systemCode(fault));
      if (!again || made === ATTEMPTS) throw fault;
      await pause(FIRST_PAUSE_MS * 2 ** (made - 1));
    }
  }
}
