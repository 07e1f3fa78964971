import { mkdtemp, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { organisationId } from '../../../lib/core/ids.ts';
import { findHospitalFiles, hospitalFileName, writeHospitalFiles } from '../../../lib/data/hospital-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-files-'));
});
const touch = async (...names: string[]): Promise<void> => {
  for (const name of names) await writeFile(join(folder, name), '');
};

describe('the files of a folder', () => {
  it('are those that fit the pattern, in the order of their hospitals', async () => {
    await touch('processed.b.data', 'processed.a-b.data', 'processed.a.data', 'reprocessed.a.data', 'x.txt');
    const found = await findHospitalFiles(folder, 'processed.*.data');
    expect(found.ok && found.value.map(({ organisation }) => organisation)).toEqual(['a', 'a-b', 'b']);
    expect(found.ok && found.value[0]?.path).toBe(join(folder, 'processed.a.data'));
  });

  it('are refused when one names no hospital, none fits, or there is no folder', async () => {
    await touch('processed.a.data', 'processed.A.old.data');
    expect(await findHospitalFiles(folder, 'processed.*.data')).toMatchObject({
      error: { code: 'E-DATA-FILE', detail: 'processed.A.old.data: does not name a hospital as processed.*.data asks' },
    });
    expect(await findHospitalFiles(folder, '*.csv')).toMatchObject({
      error: { detail: 'no file of the folder fits *.csv' },
    });
    expect(await findHospitalFiles(join(folder, 'none'), '*.csv')).toMatchObject({ error: { code: 'E-DATA-FILE' } });
  });

  it('do not overlap the two ends of the pattern', async () => {
    await touch('a.a');
    expect(await findHospitalFiles(folder, 'a.*.a')).toMatchObject({ ok: false });
  });
});

describe('written files', () => {
  it('carry the name of the pattern and are readable by their owner alone', async () => {
    const organisation = organisationId('st-anne');
    expect(hospitalFileName('processed.*.data', organisation)).toBe('processed.st-anne.data');
    const [file] = await writeHospitalFiles(join(folder, 'new'), 'processed.*.data', [{ organisation, text: 'x' }]);
    expect(file?.path).toBe(join(folder, 'new', 'processed.st-anne.data'));
    if (process.platform !== 'win32') expect((await stat(file?.path ?? '')).mode & 0o777).toBe(0o600);
  });
});
