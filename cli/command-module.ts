import type { Command } from 'commander';

/** One output stream as commands see it. */
export interface Terminal {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Size in characters, as it is now; 80 × 24 where nobody knows. */
  size(): { readonly columns: number; readonly rows: number };
}

/**
 * What a command may touch of the process. Results go to `stdout`, everything about the run (progress, errors) to
 * `stderr`; with --json every event is one JSON object per line on `stdout`.
 */
export interface CliIo {
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the reader of `stdout` has gone (`… | head`): a long command should stop as on Ctrl-C. */
  readonly outputClosed: AbortSignal;
}

/**
 * One command of `consilium`, in one thin file. `register` adds it with `program.command(…)`; what is heavy is
 * imported inside the action, so that `--help` stays quick. An action throws a RefusalError to refuse: the exit
 * code is that of its first code in the table of lib/core/errors.ts; anything else that it throws is a bug (70).
 * `command.optsWithGlobals()['json']` says whether --json was given, wherever it stood on the line.
 */
export interface CommandModule {
  register(program: Command, io: CliIo): void;
}

/** Headings of `consilium --help`; a command joins one with `.helpGroup(HELP_GROUP.…)`. */
export const HELP_GROUP = {
  try: 'Try it on this machine:',
  run: 'Run a study:',
  check: 'Check, verify and use:',
  reference: 'Reference:',
} as const;

/** Adds an Examples section to the help of `command`; each is a command line and what it does. */
export function addExamples(command: Command, examples: readonly (readonly [line: string, does: string])[]): void {
  const text = examples.map(([line, does]) => `  ${does}\n    $ ${line}`).join('\n\n');
  command.addHelpText('after', `\nExamples:\n${text}`);
}

/** Colour and other attributes; never when NO_COLOR is set (no-color.org). */
export const wantsColor = (terminal: Terminal, env: CliIo['env']): boolean =>
  terminal.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
