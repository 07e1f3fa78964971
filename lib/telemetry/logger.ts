import { pino, type Logger as PinoLogger } from 'pino';
import { refusal, RefusalError } from '../core/errors.ts';
import { describeFault } from './describe-fault.ts';
import { isEventName, safeFields, type LogFields } from './log-fields.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A file that is appended to (made with mode 0600), the standard error stream, or anything that takes lines. */
export type LogDestination = 'stderr' | { readonly file: string } | { write(line: string): void };

/**
 * Structured logs that cannot hold patient data: `event` is a name that code chose (`round.released`), `fields`
 * pass the allow-list of log-fields.ts, `fault` is reduced by describe-fault.ts. There is no free-text message.
 */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields, fault?: unknown): void;
  error(event: string, fields?: LogFields, fault?: unknown): void;
  /** The same destination with `fields` on every line. */
  with(fields: LogFields): Logger;
}

export interface LoggerOptions {
  /** The program: `coordinator`, `enclave`, `site-cleveland`. */
  readonly name: string;
  readonly destination: LogDestination;
  readonly level: LogLevel;
}

/** Lines are JSON: `level`, `time` (ISO 8601, UTC), `name`, `pid`, `event`, then the fields. */
export function createLogger({ name, destination, level }: LoggerOptions): Logger {
  const root = pino(
    {
      level,
      base: { name: isEventName(name) ? name : 'unnamed', pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    streamOf(destination),
  );
  return onPino(root);
}

/**
 * Where a program's configuration wants its log: a file, or standard error when it names none. Throws RefusalError
 * E-CONFIG for a file that cannot be opened.
 */
export function programLogger(
  name: string,
  { file, level }: { readonly file?: string | undefined; readonly level: LogLevel },
): Logger {
  return createLogger({ name, level, destination: file === undefined ? 'stderr' : { file } });
}

function onPino(target: PinoLogger): Logger {
  const line = (event: string, fields: LogFields, fault?: { readonly thrown: unknown }): object => ({
    event: isEventName(event) ? event : 'unnamed',
    ...safeFields(fields),
    ...(fault === undefined ? {} : { fault: describeFault(fault.thrown) }),
  });
  const withFault = (fault: unknown): { thrown: unknown } | undefined =>
    fault === undefined ? undefined : { thrown: fault };
  return {
    debug: (event, fields = {}) => {
      target.debug(line(event, fields));
    },
    info: (event, fields = {}) => {
      target.info(line(event, fields));
    },
    warn: (event, fields = {}, fault) => {
      target.warn(line(event, fields, withFault(fault)));
    },
    error: (event, fields = {}, fault) => {
      target.error(line(event, fields, withFault(fault)));
    },
    with: (fields) => onPino(target.child(safeFields(fields))),
  };
}

/** E-CONFIG where the file cannot be opened. */
function opened<T>(open: () => T): T {
  try {
    return open();
  } catch (fault) {
    const { code } = fault as NodeJS.ErrnoException;
    if (code === undefined) throw fault;
    throw new RefusalError(refusal('E-CONFIG', `log.file: cannot be opened (${code})`));
  }
}

function streamOf(destination: LogDestination): { write(line: string): void } {
  if (typeof destination === 'object' && 'write' in destination) return destination;
  const target = destination === 'stderr' ? { fd: 2 } : { dest: destination.file, append: true, mode: 0o600 };
  // Synchronous: the last line before a crash is the one that explains it.
  const stream = opened(() => pino.destination({ ...target, sync: true }));
  // A full disk or a closed terminal must not stop a hospital's agent; its events are in the store, not here.
  stream.on('error', () => undefined);
  return stream;
}
