import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '..');
const DATA = join(ROOT, '..', 'shared', 'data', 'heart-disease');
const LARGEST_OUTPUT = 1 << 26;

/** What is measured, by its name in a run's summary. */
const FIGURES = ['aucPooled', 'logLoss', 'accuracyMeanOfSites', 'epsilon'] as const;
type Figures = Readonly<Record<(typeof FIGURES)[number], number>>;

/**
 * Mean and deviation of unseeded runs of the shipped study on the four real hospital files. Arguments: where the noise is
 * added (`enclave`, `site`, `none`), runs (20), ε (as the study says).
 */
export async function benchHeart(): Promise<void> {
  const [placement = 'enclave', runs = '20', epsilon] = process.argv.slice(3);
  if (!existsSync(DATA)) throw new Error('../shared/data/heart-disease is not here');
  const figures: Figures[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'consilium-heart-'));
  try {
    for (let run = 1; run <= Number(runs); run++) {
      figures.push(await study(join(folder, String(run)), placement, epsilon));
      process.stdout.write(
        `run ${run}: ${FIGURES.map((name) => `${name} ${shown(figures.at(-1)?.[name])}`).join(', ')}\n`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const name of FIGURES) {
    const values = figures.map((each) => each[name]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
    process.stdout.write(
      `${name.padEnd(22)}mean ${shown(mean)}  deviation ${shown(deviation)}  worst ${shown(Math.min(...values))} to ${shown(Math.max(...values))}\n`,
    );
  }
}

async function study(out: string, placement: string, epsilon: string | undefined): Promise<Figures> {
  const aim = epsilon === undefined ? [] : ['--epsilon', epsilon];
  const launcher = join(ROOT, 'bin', 'consilium.mjs');
  const args = [launcher, 'simulate', '--data', DATA, '--noise', placement, ...aim, '--out', out, '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: LARGEST_OUTPUT });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Figures;
}

const shown = (value: number | undefined): string => (typeof value === 'number' ? value.toFixed(4) : '-');
