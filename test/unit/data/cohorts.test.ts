import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StudyFile } from '../../../lib/contract/study-file.ts';
import { hash } from '../../../lib/core/hash.ts';
import { toHex, utf8 } from '../../../lib/core/bytes.ts';
import { generateCohorts, writeCohorts } from '../../../lib/data/cohorts.ts';
import type { HospitalData } from '../../../lib/data/featurise.ts';
import { findHospitalFiles } from '../../../lib/data/hospital-files.ts';
import { loadHospital } from '../../../lib/data/load-hospital.ts';
import { heartStudy } from './heart-study.ts';
import { areaUnderCurve, fitLogistic, logLoss, pool, predict } from './pooled-logistic.ts';

let study: StudyFile;
beforeAll(async () => {
  study = await heartStudy();
});

async function load(seed: number): Promise<Map<string, HospitalData>> {
  const folder = await mkdtemp(join(tmpdir(), 'consilium-cohorts-'));
  await writeCohorts({ folder, pattern: study.files, seed });
  const files = await findHospitalFiles(folder, study.files);
  if (!files.ok) throw new Error(files.error.detail);
  const out = new Map<string, HospitalData>();
  for (const { organisation, path } of files.value) {
    const data = await loadHospital({ path, organisation, schema: study.schema });
    if (!data.ok) throw new Error(data.error.detail);
    out.set(organisation, data.value);
  }
  return out;
}

const fingerprint = (seed: number | Uint8Array): string =>
  toHex(hash('seed', ...generateCohorts(seed).map(({ text }) => utf8(text))));
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('the generated hospitals', () => {
  it('are the same bytes for the same seed, in this build and in every other', () => {
    expect(fingerprint(7)).toBe(fingerprint(7));
    expect(fingerprint(7)).not.toBe(fingerprint(8));
    expect(fingerprint(new Uint8Array(32).fill(7))).toBe(fingerprint(new Uint8Array(32).fill(7)));
    expect(fingerprint(7)).toMatchInlineSnapshot(`"46d0d948ca05d94b80ee601c8220134f0f49ca5233a0f3e74292626273eb9c10"`);
  });

  it('have 14 columns and lie within the schema of the shipped study', async () => {
    for (const { text } of generateCohorts(3)) {
      for (const line of text.trimEnd().split('\n')) expect(line.split(',')).toHaveLength(14);
    }
    const hospitals = await load(3);
    expect([...hospitals.keys()]).toEqual(['harbour', 'lakeside', 'northfield', 'st-anne']);
    expect([...hospitals.values()].map(({ totalRows }) => totalRows)).toEqual([220, 140, 310, 290]);
    for (const { train, test } of hospitals.values()) {
      expect(train.rows).toBeGreaterThan(30);
      expect(test.rows).toBeGreaterThan(10);
    }
  });

  it('differ in case mix as documented', () => {
    const drawn = [1, 2, 3, 4].flatMap((seed) => generateCohorts(seed));
    const share = (organisation: string, test: (cells: readonly string[]) => boolean): number => {
      const texts = drawn.filter((file) => file.organisation === organisation).map(({ text }) => text.trimEnd());
      return mean(texts.flatMap((text) => text.split('\n')).map((row) => Number(test(row.split(',')))));
    };
    const diseased = (cells: readonly string[]): boolean => cells[13] !== '0';
    const expected = [
      ['harbour', 0.75],
      ['lakeside', 0.87],
      ['northfield', 0.46],
      ['st-anne', 0.37],
    ] as const;
    for (const [name, prevalence] of expected) expect(Math.abs(share(name, diseased) - prevalence)).toBeLessThan(0.05);
    expect(share('harbour', (cells) => cells[1] === '1')).toBeGreaterThan(0.93);
    expect(share('northfield', (cells) => cells[1] === '1')).toBeLessThan(0.75);
    expect(share('lakeside', (cells) => cells[4] === '0')).toBe(1);
    expect(share('northfield', (cells) => cells.slice(0, 10).includes('?'))).toBe(0);
    expect(share('harbour', (cells) => cells[7] === '?' && cells[8] === '?' && cells[9] === '?')).toBeGreaterThan(0.2);
  });

  it('carry a signal that a pooled logistic regression finds', async () => {
    const scores: { auc: number; loss: number }[] = [];
    for (const seed of [1, 2, 3, 4]) {
      const hospitals = [...(await load(seed)).values()];
      const theta = fitLogistic(pool(hospitals.map(({ train }) => train)));
      const test = pool(hospitals.map((hospital) => hospital.test));
      const scored = predict(theta, test.rows);
      scores.push({ auc: areaUnderCurve(scored, test.labels), loss: logLoss(scored, test.labels) });
    }
    const auc = mean(scores.map((score) => score.auc));
    expect(auc).toBeGreaterThan(0.85);
    expect(auc).toBeLessThan(0.9);
    for (const score of scores) {
      expect(score.auc).toBeGreaterThan(0.82);
      expect(score.loss).toBeLessThan(0.55);
    }
  });

  it('are written for their owner alone, under the names of the pattern', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'consilium-cohorts-'));
    const files = await writeCohorts({ folder, pattern: 'processed.*.data', seed: 5 });
    expect(files.map(({ path }) => path)).toContain(join(folder, 'processed.st-anne.data'));
    const [first] = files;
    expect(await readFile(first?.path ?? '', 'utf8')).toBe(generateCohorts(5)[0]?.text);
  });
});
