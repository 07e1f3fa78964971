import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { GROUP_VARIABLE, groupOf, groupsNamed, GROUPS, WANTED_SCORE, type MutationGroup } from './groups.ts';
import { lineOf, percentOf, scoresOf, type Mutant } from './score.ts';

/**
 * `npm run mutation -- [group | file …] [--force] [--workers n]`: changes one thing at a time in `lib/core` and in the
 * deciders and counts how often a test notices (docs/testing.md). Without `--force`, results of an earlier run are kept
 * where neither the file nor its tests have changed; what the tests import is not looked at. Ends with 1 when a group
 * or a file is below the wanted score.
 */
const usage = `usage: npm run mutation -- [${GROUPS.map(({ name }) => name).join(' | ')} | file ...] [--force] [--workers n]\n`;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { force: { type: 'boolean', default: false }, workers: { type: 'string' } },
});
const SANDBOXES = '.stryker-tmp';
const workers = Number(values.workers ?? Math.max(1, availableParallelism() - 1));
const wanted = positionals.length === 0 ? GROUPS.map(({ name }) => name) : positionals;
const chosen = new Map<MutationGroup, readonly string[]>();
let understood = Number.isSafeInteger(workers) && workers > 0;
for (const name of wanted) {
  const whole = groupsNamed(name);
  const single = groupOf(name);
  if (whole.length === 0 && single === undefined) understood = false;
  for (const group of whole) chosen.set(group, group.mutate);
  if (single !== undefined) chosen.set(single, [...(chosen.get(single) ?? []), name]);
}

if (!understood) {
  process.stderr.write(usage);
  process.exitCode = 64;
} else {
  for (const [group, mutate] of chosen) {
    const scores = scoresOf(await run(group, mutate), group.name);
    process.stdout.write(`\n${scores.map(lineOf).join('')}\n`);
    if (scores.slice(-1).some((score) => percentOf(score) < WANTED_SCORE)) process.exitCode = 1;
  }
}

function run({ name }: MutationGroup, mutate: readonly string[]): Promise<readonly Mutant[]> {
  process.env[GROUP_VARIABLE] = name;
  vectorsBesideSandbox();
  return new Stryker({
    mutate: [...mutate],
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
    coverageAnalysis: 'perTest',
    concurrency: workers,
    // Long enough for a busy machine; an endless loop is mostly found by counting.
    timeoutMS: 20_000,
    reporters: ['clear-text', 'progress-append-only', 'html'],
    clearTextReporter: { allowColor: false, allowEmojis: false, logTests: false, reportScoreTable: false },
    htmlReporter: { fileName: `reports/mutation/${name}.html` },
    tempDirName: SANDBOXES,
    incremental: true,
    incrementalFile: `reports/mutation/${name}.incremental.json`,
    force: values.force,
    warnings: { unknownOptions: true, preprocessorErrors: true, unserializableOptions: true, slow: false },
  }).runMutationTest();
}

/** Tests look for the vectors in `../shared`; a sandbox is one folder deeper. Stryker removes the link with its folder. */
function vectorsBesideSandbox(): void {
  const link = join(SANDBOXES, 'shared');
  if (!existsSync('../shared') || existsSync(link)) return;
  mkdirSync(SANDBOXES, { recursive: true });
  symlinkSync(resolve('../shared'), link);
}
