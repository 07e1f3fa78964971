import { refusal, RefusalError } from '../core/errors.ts';
import type { ChannelClock } from './clock.ts';

/** The outcome of `promise`, or RefusalError E-CHANNEL-TIMEOUT after `ms`. */
export function within<T>(clock: ChannelClock, ms: number, promise: Promise<T>): Promise<T> {
  const { promise: outcome, resolve, reject } = Promise.withResolvers<T>();
  const cancel = clock.after(ms, () => {
    reject(new RefusalError(refusal('E-CHANNEL-TIMEOUT', `nothing within ${ms} ms`)));
  });
  promise.then(resolve, reject).finally(cancel);
  return outcome;
}
