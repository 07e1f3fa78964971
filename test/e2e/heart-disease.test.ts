import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, type Chain } from '../../lib/audit/chain.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { decodeModelFile } from '../../lib/learning/model-file.ts';
import { processesOf } from '../support/e2e-processes.ts';
import { repositoryRoot, statementsOf, workshop } from '../support/e2e-simulate.ts';

const data = join(repositoryRoot, '..', 'shared', 'data', 'heart-disease');
const isHere = existsSync(data);
if (!isHere)
  console.warn('SKIPPED: ../shared/data/heart-disease is not here, so no run on real hospital files is tested');

const { simulate } = workshop();

describe.skipIf(!isHere)('four real hospitals', () => {
  it('train one model through an attested aggregator: the shipped study', async () => {
    const run = simulate('real', ['--data', data, '--noise', 'none', '--seed', '7']);
    const summary = await run.summary();
    const hospitals = ['cleveland', 'hungarian', 'switzerland', 'va'];
    expect(summary).toMatchObject({
      rounds: 20,
      sites: hospitals,
      parameters: 14,
      epsilon: null,
      epsilonBySite: Object.fromEntries(hospitals.map((id) => [id, null])),
      delta: null,
      epsilonValid: false,
      noise: 'none',
      passportVerified: true,
      attestation: { platform: 'simulated', simulated: true },
      randomness: 'seeded',
      synthetic: false,
      computedBySimulator: expect.arrayContaining(['aucPooled', 'logLoss', 'baselines']) as unknown,
    });
    expect(summary['aucPooled']).toBeGreaterThanOrEqual(0.875);
    expect(summary['logLoss']).toBeLessThanOrEqual(0.46);
    expect(summary['backend']).toMatch(/^(tensorflow|wasm|cpu)$/);
    expect(summary['modelDigest']).toMatch(/^[0-9a-f]{64}$/);
    expect(summary['wallMs']).toBeGreaterThan(0);
    const accuracies = summary['accuracyBySite'] as Record<string, number>;
    expect(Object.keys(accuracies)).toEqual(hospitals);
    const mean = Object.values(accuracies).reduce((sum, value) => sum + value, 0) / hospitals.length;
    expect(summary['accuracyMeanOfSites']).toBeCloseTo(mean, 12);
    const { local, pooled } = summary['baselines'] as { local: { bySite: object }; pooled: { aucPooled: number } };
    expect(Object.keys(local.bySite)).toEqual(hospitals);
    expect(pooled.aucPooled).toBeGreaterThanOrEqual(0.875);

    expectRunFolder(run.out, summary['files'] as Record<string, string>);
    const model = decodeModelFile(new Uint8Array(readFileSync(join(run.out, 'model.cbor'))));
    expect(model.ok && toHex(model.value.digest)).toBe(summary['modelDigest']);
    let chain: Chain = [];
    for (const signed of statementsOf(run)) {
      const followed = follow(chain, signed);
      expect(followed).toMatchObject({ ok: true, value: { repeated: false } });
      if (followed.ok) ({ chain } = followed.value);
    }
    // Genesis, then manifest, certificate, intent and release of every round.
    expect(chain).toHaveLength(1 + 4 * 20);
    expect(run.lines.filter(({ type }) => type === 'released')).toHaveLength(20);
    expect(processesOf(run.out)).toEqual([]);
  });
});

/** Everything that is promised, and nothing secret, since nobody asked to keep the rest. */
function expectRunFolder(out: string, files: Record<string, string>): void {
  expect(Object.keys(files)).toEqual(expect.arrayContaining(['model', 'bundle', 'statements', 'report', 'summary']));
  expect(readdirSync(out).sort()).toEqual(
    Object.values(files)
      .map((file) => basename(file))
      .sort(),
  );
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toMatch(/^<!doctype html>/i);
}
