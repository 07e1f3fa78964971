import { wantsColor, type CliIo } from '../command-module.ts';
import { liveProgress } from './progress-live.ts';
import type { Progress } from './progress-event.ts';
import { progressLine } from './progress-line.ts';

/**
 * JSON lines on stdout with --json; a live display on stderr when that is a terminal; else plain lines on stderr,
 * one per stage and released round, so that a log file stays readable.
 */
export function createProgress(io: CliIo, { json }: { readonly json: boolean }): Progress {
  if (json) {
    return closable((event) => {
      io.stdout.write(`${JSON.stringify(event)}\n`);
    });
  }
  if (io.stderr.isTTY && io.env['TERM'] !== 'dumb') {
    return liveProgress(io.stderr, { color: wantsColor(io.stderr, io.env) });
  }
  return closable((event) => {
    const line = progressLine(event);
    if (line !== null) io.stderr.write(`${line}\n`);
  });
}

function closable(show: Progress['show']): Progress {
  let open = true;
  return {
    show(event) {
      if (open) show(event);
    },
    close() {
      open = false;
    },
  };
}
