import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { soak, type SoakOptions } from './soak.ts';
import { verdictLines, verdictText } from './verdict-text.ts';

const USAGE = `usage: npm run soak -- [--rounds <n>] [--seed <n>] [--json] [--out <folder>] [--keep]

Runs a study of four generated hospitals in processes of their own, with faults at random places, and judges memory,
files and every round. Exit code 1 when a check fails. The same seed plans the same faults.
`;
const DEFAULT_ROUNDS = 500;
const LEAST_ROUNDS = 10;
const MOST_ROUNDS = 100_000;
const EXIT_USAGE = 64;

interface Wanted extends SoakOptions {
  readonly json: boolean;
  readonly keep: boolean;
}

/** null: not a command line of this program. */
function wantedOf(args: readonly string[]): Wanted | null {
  try {
    const string = { type: 'string' } as const;
    const flag = { type: 'boolean', default: false } as const;
    const options = { rounds: string, seed: string, out: string, json: flag, keep: flag };
    const { values } = parseArgs({ args: [...args], options });
    const rounds = Number(values.rounds ?? DEFAULT_ROUNDS);
    const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
    if (!Number.isInteger(rounds) || rounds < LEAST_ROUNDS || rounds > MOST_ROUNDS) return null;
    if (!Number.isSafeInteger(seed) || seed < 0) return null;
    const out = values.out === undefined ? mkdtempSync(join(tmpdir(), 'consilium-soak-')) : resolve(values.out);
    const say = (text: string): void => void process.stderr.write(`${text}\n`);
    return { rounds, seed, out, say, json: values.json, keep: values.keep };
  } catch {
    return null;
  }
}

async function main(): Promise<number> {
  const wanted = wantedOf(process.argv.slice(2));
  if (wanted === null) {
    process.stderr.write(USAGE);
    return EXIT_USAGE;
  }
  const { rounds, seed, out, json, keep, say } = wanted;
  mkdirSync(out, { recursive: true });
  const startedAt = performance.now();
  const verdict = await soak(wanted);
  const minutes = (performance.now() - startedAt) / 60_000;
  const ran = { rounds, seed, minutes };
  process.stdout.write(json ? verdictLines(verdict, ran) : verdictText(verdict, ran));
  if (verdict.passed && !keep) rmSync(out, { recursive: true, force: true });
  else say(`The run folder is ${out}`);
  return verdict.passed ? 0 : 1;
}

process.exitCode = await main();
