import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { CommandModule } from '../../../../cli/command-module.ts';
import { runProgram } from '../../../../cli/program.ts';
import { memoryIo } from '../memory-io.ts';

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  /** Wrapped lines of a refusal are joined again. */
  readonly stderr: string;
  /** The last line of `stdout`. */
  readonly json: () => Record<string, unknown>;
}

/** Runs one command line in this process. */
export async function runCommand(module: CommandModule, ...argv: string[]): Promise<Ran> {
  const io = memoryIo();
  const exit = await runProgram(argv, [module], io);
  const stdout = io.written.stdout();
  return {
    exit,
    stdout,
    stderr: io.written.stderr().replaceAll(/\n {15}/g, ' '),
    json: () => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>,
  };
}

/** A folder for this test file, removed behind it. */
export function testFolder(): (...names: string[]) => string {
  const folder = mkdtempSync(join(tmpdir(), 'consilium-cli-'));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return (...names) => join(folder, ...names);
}
