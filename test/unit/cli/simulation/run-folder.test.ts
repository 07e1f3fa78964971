import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimRunFolder, eraseWork, runFolder } from '../../../../cli/simulation/run-folder.ts';

describe('the folder of a run', () => {
  let parent = '';
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'consilium-folder-'));
  });
  afterEach(() => {
    chmodSync(parent, 0o700);
    rmSync(parent, { recursive: true });
  });
  const refused = { refusals: [{ code: 'E-USAGE' }] };

  it('is made for its owner only, also inside folders that do not exist yet', async () => {
    const folder = runFolder(join(parent, 'a', 'b'));
    await claimRunFolder(folder);
    for (const path of [folder.root, folder.work]) expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('may be there already when it is empty, and not when anything is in it', async () => {
    const folder = runFolder(join(parent, 'run'));
    mkdirSync(folder.root);
    await claimRunFolder(folder);
    await expect(claimRunFolder(folder)).rejects.toMatchObject(refused);
  });

  it('is not a file, and not inside one', async () => {
    writeFileSync(join(parent, 'file'), '');
    await expect(claimRunFolder(runFolder(join(parent, 'file')))).rejects.toMatchObject(refused);
    await expect(claimRunFolder(runFolder(join(parent, 'file', 'run')))).rejects.toMatchObject(refused);
  });

  const filled = async () => {
    const folder = runFolder(join(parent, 'run'));
    await claimRunFolder(folder);
    mkdirSync(folder.logs);
    writeFileSync(join(folder.logs, 'enclave.log'), '');
    writeFileSync(join(folder.work, 'chip-root.seed'), '');
    writeFileSync(folder.contract, '');
    return folder;
  };

  it('keeps results, logs or nothing of a run, and never a secret', async () => {
    const finished = await filled();
    await eraseWork(finished, 'results');
    expect(readdirSync(finished.root)).toEqual(['contract.cbor']);
    rmSync(finished.root, { recursive: true });

    const failed = await filled();
    await eraseWork(failed, 'logs');
    expect(readdirSync(failed.work)).toEqual(['logs']);
    rmSync(failed.root, { recursive: true });

    const interrupted = await filled();
    await eraseWork(interrupted, 'nothing');
    expect(existsSync(interrupted.root)).toBe(false);
  });

  it('is gone when a run failed before it had logs', async () => {
    const folder = runFolder(join(parent, 'run'));
    await claimRunFolder(folder);
    writeFileSync(join(folder.work, 'chip-root.seed'), '');
    await eraseWork(folder, 'logs');
    expect(existsSync(folder.root)).toBe(false);
  });

  it('stays where somebody else put something into it', async () => {
    const folder = await filled();
    writeFileSync(join(folder.root, 'notes.txt'), '');
    await eraseWork(folder, 'nothing');
    expect(readdirSync(folder.root)).toEqual(['notes.txt']);
  });
});
