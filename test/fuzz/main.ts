import { parseArgs } from 'node:util';
import { playStudies, SETTINGS } from '../property/play-studies.ts';

/**
 * `npm run fuzz -- [--steps n] [--seed n]`: the model-based test of the three deciders, for as many steps as asked for,
 * a setting after the other, each with a seed that is printed and can be given again. Ends with 1 at the first promise
 * that is broken.
 */
const { values } = parseArgs({ options: { steps: { type: 'string', default: '100000' }, seed: { type: 'string' } } });
const wanted = whole('steps', values.steps);
let seed = values.seed === undefined ? Date.now() % 2 ** 31 : whole('seed', values.seed);
const total = { steps: 0, releases: 0, halts: 0 };
const startedAt = performance.now();

while (total.steps < wanted) {
  for (const setting of SETTINGS) {
    const { steps, releases, halts } = playStudies(setting, { runs: 10, length: 600, seed });
    total.steps += steps;
    total.releases += releases;
    total.halts += halts;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    process.stdout.write(
      `${seconds} s  seed ${seed}  ${setting.name}: ${steps} steps, ${releases} releases, ${halts} halts (${total.steps} of ${wanted})\n`,
    );
    seed += 1;
  }
}
process.stdout.write(
  `Every promise was kept: ${total.steps} steps, ${total.releases} releases, ${total.halts} enclaves halted.\n`,
);

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name} must be a whole number\n`);
  process.exit(64);
}
