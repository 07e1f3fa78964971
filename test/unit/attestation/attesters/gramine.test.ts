import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gramine } from '../../../../lib/attestation/attesters/gramine.ts';
import { nodePseudoFiles } from '../../../../lib/attestation/attesters/node-pseudo-files.ts';
import type { PseudoFiles } from '../../../../lib/attestation/attesters/pseudo-files.ts';
import { ReportData } from '../../../../lib/attestation/report-data.ts';
import { withReportData } from './fake-configfs-tsm.ts';
import { refusalOf, someReportData } from './report-data.ts';

const REPORT_DATA = 48 + 320;
const reportData = someReportData();
const asked = ReportData.bytesOf(reportData);
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gramine-'));
  writeFileSync(join(folder, 'attestation_type'), 'dcap');
  writeFileSync(join(folder, 'user_report_data'), '');
  writeFileSync(join(folder, 'quote'), withReportData(new Uint8Array(4300), REPORT_DATA, asked));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('the question is written whole, the quote read whole', async () => {
  expect(await gramine(nodePseudoFiles, folder).collect(reportData)).toEqual(
    new Uint8Array(readFileSync(join(folder, 'quote'))),
  );
  expect(new Uint8Array(readFileSync(join(folder, 'user_report_data')))).toEqual(asked);
});

test('as Gramine does it: the quote is made when it is read, for what was written last', async () => {
  let question = new Uint8Array();
  const writes: number[] = [];
  const files: PseudoFiles = {
    ...nodePseudoFiles,
    write: async (_, bytes) => {
      writes.push(bytes.length);
      question = bytes.slice();
    },
    read: async (path, maxBytes) =>
      path.endsWith('/quote')
        ? withReportData(new Uint8Array(4300), REPORT_DATA, question)
        : nodePseudoFiles.read(path, maxBytes),
  };
  const [first, second] = [someReportData(1), someReportData(2)];
  const quote = await gramine(files, folder).collect(first);
  expect(quote.subarray(REPORT_DATA, REPORT_DATA + 64)).toEqual(ReportData.bytesOf(first));
  expect(await gramine(files, folder).collect(second)).not.toEqual(quote);
  expect(writes).toEqual([64, 64]);
});

test.each(['none', 'epid', ''])('attestation type "%s" is refused before anything is asked', async (type) => {
  writeFileSync(join(folder, 'attestation_type'), type);
  const { code, detail } = await refusalOf(gramine(nodePseudoFiles, folder).collect(reportData));
  expect(code).toBe('E-ATTEST-UNAVAILABLE');
  expect(detail).toContain('sgx.remote_attestation = "dcap"');
  expect(readFileSync(join(folder, 'user_report_data'))).toHaveLength(0);
});

test('a quote for another question is refused', async () => {
  const { detail } = await refusalOf(gramine(nodePseudoFiles, folder).collect(someReportData(9)));
  expect(detail).toContain('evidence for another question');
});

test.each([
  ['outside of Gramine', 'attestation_type', 'run the program under gramine-sgx'],
  ['without a slot for the question', 'user_report_data', 'run the program under gramine-sgx'],
])('%s: refused, and nothing is created', async (_, missing, advice) => {
  unlinkSync(join(folder, missing));
  const { detail } = await refusalOf(gramine(nodePseudoFiles, folder).collect(reportData));
  expect(detail).toContain('ENOENT');
  expect(detail).toContain(advice);
  expect(() => readFileSync(join(folder, missing))).toThrow('ENOENT');
});

test('a file that does not end is not read for ever', async () => {
  await expect(nodePseudoFiles.read('/dev/zero', 1024)).rejects.toMatchObject({ code: 'EFBIG' });
  writeFileSync(join(folder, 'quote'), new Uint8Array(16 * 1024 + 1));
  expect((await refusalOf(gramine(nodePseudoFiles, folder).collect(reportData))).detail).toContain('EFBIG');
});
