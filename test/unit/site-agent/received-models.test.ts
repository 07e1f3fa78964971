import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { utf8 } from '../../../lib/core/bytes.ts';
import { receivedFileNames, saveReceivedModel } from '../../../site-agent/received-models.ts';
import { digestOf, testContract } from '../../support/test-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'consilium-received-'));
const sealed = testContract();
const received = {
  model: { round: 3, digest: digestOf('model'), weights: Float32Array.of(1.5, 2.5, 3.5) },
  bundle: utf8('a passport bundle'),
};
const names = receivedFileNames(3);

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('a received model', () => {
  test('is kept whole, with its passport, and nothing half written beside it; again over what a crash left', async () => {
    const folder = join(root, 'new', 'received');
    await saveReceivedModel({ output: folder, sealed, keepModels: 2 }, received);
    writeFileSync(join(folder, `${names.model}.tmp`), 'half');
    await saveReceivedModel({ output: folder, sealed, keepModels: 2 }, received);
    expect(readdirSync(folder).sort()).toEqual([names.model, names.passport].sort());
    expect(readFileSync(join(folder, names.passport))).toEqual(Buffer.from(received.bundle));
  });

  test('pushes out the models that are too old, their passports stay, and what else lies there', async () => {
    const folder = join(root, 'long');
    const save = (round: number): Promise<void> =>
      saveReceivedModel(
        { output: folder, sealed, keepModels: 2 },
        { ...received, model: { ...received.model, round } },
      );
    await save(1);
    for (const own of ['notes.txt', 'round-0001.model.cbor.bak', 'my-round-0001.model.cbor'])
      writeFileSync(join(folder, own), 'of the hospital');
    for (const round of [2, 3, 9_998, 9_999, 10_000, 10_001]) await save(round);
    expect(readdirSync(folder).filter((name) => name.endsWith('.model.cbor'))).toEqual([
      'my-round-0001.model.cbor',
      'round-10000.model.cbor',
      'round-10001.model.cbor',
    ]);
    expect(readdirSync(folder).filter((name) => name.endsWith('.passport.cbor'))).toHaveLength(7);
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['notes.txt', 'round-0001.model.cbor.bak']));
  });

  test('that the disk does not take is a named fault of the store, not a bug', async () => {
    const folder = join(root, 'file');
    writeFileSync(folder, 'not a folder');
    const saved = saveReceivedModel({ output: join(folder, 'received'), sealed, keepModels: 2 }, received);
    await expect(saved).rejects.toMatchObject({ refusals: [{ code: 'E-STORE-PATH' }] });
  });

  test.skipIf(!existsSync('/dev/full'))('for which there is no room', async () => {
    const folder = join(root, 'full');
    await saveReceivedModel({ output: folder, sealed, keepModels: 2 }, received);
    rmSync(join(folder, names.passport));
    symlinkSync('/dev/full', join(folder, `${names.passport}.tmp`));
    const saved = saveReceivedModel({ output: folder, sealed, keepModels: 2 }, received);
    await expect(saved).rejects.toMatchObject({ refusals: [{ code: 'E-STORE-FULL' }] });
    expect(existsSync(join(folder, names.passport))).toBe(false);
    expect(existsSync(join(folder, names.model))).toBe(true);
  });
});
