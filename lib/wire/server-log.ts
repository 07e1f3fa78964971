import type { Logger } from '../telemetry/logger.ts';
import { CountedLimit } from './counted-limit.ts';
import type { ServerParts } from './serve.ts';

/** A flood of refused calls must not fill the disk: the rest of a minute's are counted in the next line. */
const LOGGED_REFUSALS = { count: 100, windowMs: 60_000 };

/** What a server's refusals and faults leave in the program's log. */
export function serverLog(log: Logger): Pick<ServerParts, 'onRefused' | 'onFault'> {
  const refusals = new CountedLimit(LOGGED_REFUSALS);
  return {
    onRefused: ({ code }) => {
      const held = refusals.take();
      if (held !== null) log.warn('call.refused', { code, ...(held > 0 ? { held } : {}) });
    },
    onFault: (fault) => {
      log.error('call.fault', {}, fault);
    },
  };
}
