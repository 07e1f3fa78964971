import { Command } from 'commander';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { attestCommand } from '../../../../cli/commands/attest.ts';
import { chipCommand } from '../../../../cli/commands/chip.ts';
import { contractCommand } from '../../../../cli/commands/contract.ts';
import { dataCommand } from '../../../../cli/commands/data.ts';
import { measureCommand } from '../../../../cli/commands/measure.ts';
import { orgCommand } from '../../../../cli/commands/org.ts';
import { predictCommand } from '../../../../cli/commands/predict.ts';
import { coordinatorCommand, enclaveCommand, siteCommand } from '../../../../cli/commands/programs.ts';
import { studyCommand } from '../../../../cli/commands/study.ts';
import { tlsCommand } from '../../../../cli/commands/tls.ts';
import { verifyCommand } from '../../../../cli/commands/verify.ts';
import type { CommandModule } from '../../../../cli/command-module.ts';
import { runProgram } from '../../../../cli/program.ts';
import { memoryIo } from '../memory-io.ts';
import { runCommand } from './run-command.ts';

const MODULES: readonly CommandModule[] = [
  ...[orgCommand, contractCommand, tlsCommand, chipCommand, coordinatorCommand, enclaveCommand, siteCommand],
  ...[studyCommand, dataCommand, verifyCommand, predictCommand, attestCommand, measureCommand],
];

/** Every command with its words, as a user types them. */
function allCommands(): string[][] {
  const program = new Command('consilium');
  for (const module of MODULES) module.register(program, memoryIo());
  const walk = (command: Command, words: string[]): string[][] =>
    command.commands.flatMap((child) => {
      const own = [...words, child.name()];
      return child.commands.length === 0 ? [own] : [own, ...walk(child, own)];
    });
  return walk(program, []);
}

async function run(...argv: string[]): Promise<{ exit: number; stdout: string; stderr: string }> {
  const io = memoryIo();
  const exit = await runProgram(argv, MODULES, io);
  return { exit, stdout: io.written.stdout(), stderr: io.written.stderr() };
}

describe.each(allCommands().map((words) => [words.join(' '), words] as const))('consilium %s', (name, words) => {
  const isGroup = allCommands().some((other) => other.length > words.length && other.join(' ').startsWith(`${name} `));

  test('has help that says what it does, in whole sentences, with examples of itself', async () => {
    const { exit, stdout, stderr } = await run(...words, '--help');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Usage: consilium ${name}`));
    expect(stdout.split('\n\n')[1]).toMatch(/^[A-Z][^]*\.$/);
    if (!isGroup) expect(stdout).toMatch(new RegExp(`^ {4}\\$ consilium ${name}( |$)`, 'm'));
    const beforeExamples = stdout.split('\nExamples:')[0] ?? '';
    for (const line of beforeExamples.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });
});

describe('consilium measure', () => {
  test('names every file, whose hash anybody can check', async () => {
    const { exit, json } = await runCommand(measureCommand, 'measure', '--program', 'enclave', '--files', '--json');
    expect(exit).toBe(0);
    const files = json()['files'] as { path: string; sha256: string }[];
    const paths = files.map(({ path }) => path);
    expect(paths).toContain('package-lock.json');
    expect(paths.filter((path) => path.startsWith('lib/attestation/simulated/') || path.includes('tfjs'))).toEqual([]);
    for (const { path, sha256 } of files.slice(0, 5)) {
      const bytes = readFileSync(fileURLToPath(new URL(`../../../../${path}`, import.meta.url)));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    }
  });

  test('gives four different measurements: two programs, simulated and real', async () => {
    const { stdout } = await runCommand(measureCommand, 'measure');
    const digests = stdout.match(/\b[0-9a-f]{64}\b/g) ?? [];
    expect(new Set(digests).size).toBe(4);
    expect((await runCommand(measureCommand, 'measure', '--program', 'coordinator')).exit).toBe(64);
  });
});
