import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { measureProgram } from '../../lib/attestation/measure/measure-program.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { Trial, TRIAL_HOSPITALS as HOSPITALS } from '../support/e2e-trial.ts';
import { repositoryRoot } from '../support/e2e-simulate.ts';

/**
 * PROTOCOL §8, A12: a hospital's own people patch its agent so that it leaves the noise out, or the clipping, for a better
 * model. Real processes; the patched agent is a whole copy of the source with one expression changed. The simulated chip
 * measures what it runs, as hardware would: what is shown here is that the measurement covers the lines that matter and
 * that the enclave turns another one away.
 */
const PATCHES = [
  ['site-agent/private-training.ts', '((descent[i] ?? 0) + noise) * scale', '(descent[i] ?? 0) * scale'],
  ['lib/learning/tfjs/clipped-sum.ts', 'clip * (1 - CLIP_MARGIN)', 'Infinity'],
  ['lib/privacy/mechanism.ts', 'Math.ceil(plan.noiseMultiplier * sensitivity)', '1'],
  ['lib/privacy/poisson-sample.ts', 'export function poissonSample', 'export function poissonSample '],
] as const;
const ENTRY = join('site-agent', 'main-simulation.ts');
const measured = (root: string): string => toHex(measureProgram(join(root, ENTRY), root).digest);
const [victim = '', ...honest] = HOSPITALS;
const PATIENCE_MS = 180_000;

let trial: Trial;

beforeAll(async () => {
  trial = await Trial.make('patched');
  const records = HOSPITALS.map((id) => `${id}=140`);
  await trial.setUp(1, '--noise', 'site', '--epsilon', '1.7', '--records', ...records);
}, PATIENCE_MS);

afterAll(async () => {
  await trial.remove();
});

/** The repository with one expression replaced, in a folder of its own. */
async function patched(name: string, [file, from, to]: readonly [string, string, string]): Promise<string> {
  const root = trial.path(name);
  await mkdir(root);
  const parts = ['aggregator-enclave', 'bin', 'cli', 'coordinator', 'lib', 'proto', 'site-agent'];
  const papers = ['package.json', 'package-lock.json'];
  for (const part of [...parts, ...papers]) await cp(join(repositoryRoot, part), join(root, part), { recursive: true });
  await symlink(join(repositoryRoot, 'node_modules'), join(root, 'node_modules'));
  const source = await readFile(join(root, file), 'utf8');
  expect(source).toContain(from);
  await writeFile(join(root, file), source.replace(from, to));
  return root;
}

describe('A12 an agent that was patched', () => {
  const [skipsNoise] = PATCHES;

  test.each(PATCHES)('in %s, even by a blank, has another measurement', async (...patch) => {
    const copy = await patched(`measured-${PATCHES.findIndex(([file]) => file === patch[0])}`, patch);
    expect(measured(copy)).not.toBe(measured(repositoryRoot));
    await writeFile(join(copy, patch[0]), await readFile(join(repositoryRoot, patch[0])));
    expect(measured(copy)).toBe(measured(repositoryRoot));
  });

  test(
    'to skip the noise is turned away by the enclave',
    async () => {
      const copy = await patched('skips-noise', skipsNoise);
      trial.start('enclave', '--config', 'enclave/enclave.yaml');
      trial.start('coordinator', '--config', 'coordinator/coordinator.yaml');
      for (const id of honest) trial.start('site', '--config', `${id}/site.yaml`);
      const cheat = trial.startFrom(copy, 'site', '--config', `${victim}/site.yaml`);
      await expect.poll(() => cheat.output, { timeout: 60_000 }).toContain('E-ATTEST-MEASUREMENT');

      // The very same hospital with the agent that everybody agreed on.
      cheat.child.kill('SIGKILL');
      trial.start('site', '--config', `${victim}/site.yaml`);
      await trial.launch();
      const events = await trial.watch();
      expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ type: 'ended', outcome: 'finished' });
    },
    PATIENCE_MS,
  );
});
