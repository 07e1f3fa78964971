import { isatty } from 'node:tty';
import type { CliIo, Terminal } from './command-module.ts';

/** The real process behind `CliIo`. A reader that went away closes the stream quietly instead of crashing. */
export function processIo(): CliIo {
  const closed = new AbortController();
  return {
    stdout: terminalOn(process.stdout, () => {
      closed.abort();
    }),
    stderr: terminalOn(process.stderr, () => undefined),
    env: process.env,
    outputClosed: closed.signal,
  };
}

function terminalOn(stream: NodeJS.WriteStream & { fd: number }, onClosed: () => void): Terminal {
  let open = true;
  stream.on('error', (fault: NodeJS.ErrnoException) => {
    if (fault.code !== 'EPIPE' && fault.code !== 'ERR_STREAM_DESTROYED') throw fault;
    open = false;
    onClosed();
  });
  return {
    write(text) {
      if (open) stream.write(text);
    },
    isTTY: isatty(stream.fd),
    size: () => (stream.isTTY ? { columns: stream.columns, rows: stream.rows } : { columns: 80, rows: 24 }),
  };
}
