import type { CliIo, Terminal } from '../../../cli/command-module.ts';

export interface MemoryIo extends CliIo {
  readonly written: { readonly stdout: () => string; readonly stderr: () => string };
}

/** Streams that keep what is written to them. */
export function memoryIo(
  options: { isTTY?: boolean; columns?: number; rows?: number; env?: Record<string, string> } = {},
): MemoryIo {
  const { isTTY = false, columns = 80, rows = 24, env = {} } = options;
  const out: string[] = [];
  const error: string[] = [];
  const terminal = (into: string[]): Terminal => ({
    write: (text) => void into.push(text),
    isTTY,
    size: () => ({ columns, rows }),
  });
  return {
    stdout: terminal(out),
    stderr: terminal(error),
    env,
    outputClosed: new AbortController().signal,
    written: { stdout: () => out.join(''), stderr: () => error.join('') },
  };
}
