import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { playStudies, SETTINGS } from '../property/play-studies.ts';
import { hunt, type Hunt } from './hunt.ts';
import { QUARRIES } from './quarries.ts';

/**
 * `npm run fuzz -- [--steps n] [--seed n]`: the model-based test of the three deciders, for as many steps as asked for,
 * a setting after the other, each with a seed that is printed and can be given again. Ends with 1 at the first promise
 * that is broken.
 *
 * `npm run fuzz -- parsers [--inputs n] [--parser name] [--seed n]`: mutated evidence and collateral for everything in
 * lib/attestation that takes bytes from outside. Ends with 1 where one throws, takes over 50 ms or holds on to memory;
 * such inputs are kept in reports/fuzz/.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: 'string', default: '100000' },
    inputs: { type: 'string', default: '1000000' },
    parser: { type: 'string' },
    seed: { type: 'string' },
  },
});
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : whole('seed', values.seed);

if (positionals.length === 0) play(whole('steps', values.steps), seed);
else if (positionals.join() === 'parsers') huntAll(whole('inputs', values.inputs), seed, values.parser);
else usage('npm run fuzz -- [parsers] [--steps n | --inputs n] [--parser name] [--seed n]');

function play(wanted: number, first: number): void {
  let next = first;
  const total = { steps: 0, releases: 0, halts: 0 };
  const startedAt = performance.now();
  while (total.steps < wanted) {
    for (const setting of SETTINGS) {
      const { steps, releases, halts } = playStudies(setting, { runs: 10, length: 600, seed: next });
      total.steps += steps;
      total.releases += releases;
      total.halts += halts;
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      process.stdout.write(
        `${seconds} s  seed ${next}  ${setting.name}: ${steps} steps, ${releases} releases, ${halts} halts (${total.steps} of ${wanted})\n`,
      );
      next += 1;
    }
  }
  process.stdout.write(
    `Every promise was kept: ${total.steps} steps, ${total.releases} releases, ${total.halts} enclaves halted.\n`,
  );
}

function huntAll(inputs: number, seed: number, name: string | undefined): void {
  const chosen = QUARRIES.filter((one) => name === undefined || one.name === name || one.name.startsWith(`${name}:`));
  if (chosen.length === 0) usage(`--parser is one of ${QUARRIES.map((one) => one.name).join(', ')}`);
  process.stdout.write(
    `seed ${seed}\nparser                               inputs    parsed   refused  slowest   memory\n`,
  );
  for (const quarry of chosen) {
    const result = hunt(quarry, { inputs, seed });
    process.stdout.write(`${lineOf(result)}\n`);
    result.finds.forEach(({ what, input }, index) => {
      mkdirSync('reports/fuzz', { recursive: true });
      const file = `reports/fuzz/${quarry.name.replaceAll(/[^a-z0-9-]+/g, '-')}-${seed}-${index}.bin`;
      writeFileSync(file, input);
      process.stdout.write(`  ${file}: ${what}\n`);
      process.exitCode = 1;
    });
  }
}

function lineOf({ name, inputs, parsed, refused, slowest, growth }: Hunt): string {
  const counts = [inputs, parsed, refused].map((count) => String(count).padStart(9)).join(' ');
  return `${name.padEnd(33)} ${counts} ${slowest.toFixed(1).padStart(5)} ms ${(growth / 2 ** 20).toFixed(1).padStart(5)} MiB`;
}

function whole(name: string, text: string): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : usage(`--${name} must be a whole number`);
}

function usage(words: string): never {
  process.stderr.write(`${words}\n`);
  process.exit(64);
}
