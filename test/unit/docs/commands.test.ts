import { describe, expect, test } from 'vitest';
import { modulesFor } from '../../../cli/command-list.ts';
import { runProgram } from '../../../cli/program.ts';
import { ERRORS } from '../../../lib/core/errors.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { memoryIo } from '../cli/memory-io.ts';
import { code, filesOf, read } from './markdown.ts';

const pages = filesOf((name) => name.endsWith('.md'));
const snippets = pages.flatMap((page) => code(read(page)).flatMap((text) => text.split('\n')));

interface Line {
  /** `contract show` */
  readonly command: string;
  readonly flags: readonly string[];
}

/** Command lines of consilium that the pages show; words before the first argument or flag name the command. */
const lines: Line[] = snippets.flatMap((text) => {
  const [, rest] = /(?:^|\s|bin\/)consilium(?:\.mjs)? ([a-z].*)$/.exec(text.split('#')[0]?.trim() ?? '') ?? [];
  if (rest === undefined) return [];
  const words = rest.split(/\s+/);
  const end = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
  const flags = words.flatMap((word) => /^--[a-z][a-z-]*/.exec(word) ?? []);
  return [{ command: words.slice(0, end === -1 ? undefined : end).join(' '), flags }];
});

const help = async (command: string): Promise<string> => {
  const words = command.split(' ');
  const io = memoryIo();
  expect(await runProgram([...words, '--help'], await modulesFor(words), io)).toBe(0);
  return io.written.stdout();
};

describe.each([...new Set(lines.map(({ command }) => command))])('consilium %s', (command) => {
  test('exists, with every flag that the pages show', async () => {
    const text = await help(command);
    expect(text).toContain(`Usage: consilium ${command} `);
    const flags = lines.filter((line) => line.command === command).flatMap((line) => line.flags);
    for (const flag of new Set(flags)) expect(text).toContain(flag);
  });
});

test('every npm script that the pages name exists', () => {
  const named = snippets.flatMap((text) => [...text.matchAll(/npm run (?:--?\S+ )*([a-z]+)/g)].map(([, name]) => name));
  expect(named).toContain('demo');
  for (const name of named) expect(Object.keys(packageJson.scripts)).toContain(name);
});

test('every error code that the pages name exists', () => {
  const named = pages.flatMap((page) => [...read(page).matchAll(/\bE-[A-Z]+(?:-[A-Z]+)*\b/g)].map(([name]) => name));
  expect(named.length).toBeGreaterThan(50);
  for (const name of new Set(named)) expect(Object.keys(ERRORS)).toContain(name);
});
