import { createLogger, type Logger } from '../../../lib/telemetry/logger.ts';

export interface CapturedLog {
  readonly logger: Logger;
  /** Everything written so far. */
  readonly text: () => string;
  readonly lines: () => Record<string, unknown>[];
}

/** A real logger at level debug that writes to memory. */
export function captureLog(): CapturedLog {
  const written: string[] = [];
  const destination = { write: (line: string): void => void written.push(line) };
  return {
    logger: createLogger({ name: 'site-cleveland', destination, level: 'debug' }),
    text: () => written.join(''),
    lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
