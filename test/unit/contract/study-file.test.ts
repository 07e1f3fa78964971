import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStudyFile } from '../../../lib/contract/study-file.ts';
import { sampleStudy } from './sample-study.ts';

function complaint(document: unknown): string {
  const parsed = parseStudyFile(document);
  if (parsed.ok) throw new Error('was accepted');
  expect(parsed.error.code).toBe('E-CONFIG');
  return parsed.error.detail;
}

describe('a study file', () => {
  it('is read, and the number of inputs follows from its schema', () => {
    const parsed = parseStudyFile(sampleStudy());
    expect(parsed).toMatchObject({ ok: true, value: { ...sampleStudy(), model: { inputs: 3 } } });
  });

  it.each([
    [{ k_min: 2 }, 'k_min: unknown key; did you mean kMin?'],
    [{ round: 2 }, 'round: unknown key; did you mean rounds?'],
    [{ banana: 2 }, 'banana: unknown key; known here: study, rounds, model, files, schema'],
    [{ 'CANARY\n': 2 }, 'CANARY?: unknown key'],
  ])('refuses the unknown key of %j', (extra, message) => {
    expect(complaint({ ...sampleStudy(), ...extra })).toContain(message);
  });

  it('suggests among the keys of the place where the unknown one stands', () => {
    const study = sampleStudy();
    Object.assign(study.training, { learning_rate: 1 });
    Object.assign(study.schema.split, { everyNht: 1 });
    Object.assign(study.schema.label.positive, { ruel: 1 });
    Object.assign(study.model, { input: 3 });
    Object.assign(study.schema.features[0] ?? {}, { level: [1], halfwidth: 2 });
    Object.assign(study.schema.features[1] ?? {}, { level: [1], halfWidth: 2 });
    const detail = complaint(study);
    expect(detail).toContain('training.learning_rate: unknown key; did you mean learningRate?');
    expect(detail).toContain('schema.split.everyNht: unknown key; did you mean everyNth?');
    expect(detail).toContain('schema.label.positive.ruel: unknown key; did you mean rule?');
    expect(detail).toContain('schema.features.0.halfwidth: unknown key; did you mean halfWidth?');
    expect(detail).toContain('schema.features.1.level: unknown key; did you mean levels?');
    expect(detail).toContain('schema.features.1.halfWidth: unknown key; known here: column, kind, unit, levels, note');
    expect(detail).toContain('model.input: unknown key; known here: kind, layers, initial');
  });

  it('refuses inputs, which the schema decides', () => {
    const study = sampleStudy();
    Object.assign(study.model, { inputs: 3 });
    expect(complaint(study)).toContain('model.inputs: unknown key');
  });

  it('names every bad field at once by its path, and no value', () => {
    const study = sampleStudy();
    const bad = {
      ...study,
      rounds: 'CANARY',
      kMin: 0,
      files: 'CANARY.data',
      releaseTo: 'CANARY',
      deadlines: { commitMs: -8765, uploadMs: 2000 },
      model: { ...study.model, layers: [{ units: 2, activation: 'sigmoid' }] },
      strategy: { name: 'CANARY' },
    };
    const detail = complaint(bad);
    for (const path of [
      'rounds:',
      'kMin:',
      'files: a file name with exactly one *',
      'releaseTo:',
      'deadlines.commitMs:',
      'deadlines.acknowledgeMs:',
      'model.layers.0: the last layer must be one sigmoid unit',
      'strategy.name:',
    ]) {
      expect(detail).toContain(path);
    }
    expect(detail).not.toMatch(/CANARY|8765/);
  });

  it.each(['a/*.csv', '../*.csv', '*.*', 'x.csv', '', '*\n'])('refuses the pattern %j', (files) => {
    expect(complaint({ ...sampleStudy(), files })).toContain('files:');
  });

  it.each(Object.keys(sampleStudy()))('needs %s', (key) => {
    expect(complaint(Object.fromEntries(Object.entries(sampleStudy()).filter(([name]) => name !== key)))).toContain(
      `${key}:`,
    );
  });

  it.each([null, undefined, 7, 'text', [], [1], new Date(0)])('refuses %j', (document) => {
    expect(complaint(document)).not.toBe('');
  });

  it('refuses more inputs than a model can have', () => {
    const study = sampleStudy();
    const levels = Array.from({ length: 64 }, (_, level) => level);
    const columns = Array.from({ length: 300 }, (_, column) => `c${column}`);
    const features = columns.map((column) => ({ column, kind: 'category', unit: 'code', levels }));
    const schema = { ...study.schema, columns: [...columns, 'score'], features };
    expect(complaint({ ...study, schema })).toBe('schema.features: more inputs than a model can have');
  });

  it('never throws, whatever a part of it is', () => {
    const keys = Object.keys(sampleStudy());
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.anything(), (key, value) => {
        expect(typeof parseStudyFile({ ...sampleStudy(), [key]: value }).ok).toBe('boolean');
      }),
    );
  });
});
