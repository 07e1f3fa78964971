import { describe, expect, test } from 'vitest';
import { configfsTsm, tsmProvider } from '../../../../lib/attestation/attesters/configfs-tsm.ts';
import { hardwareAttester } from '../../../../lib/attestation/attesters/hardware-attester.ts';
import { decodeEvidence } from '../../../../lib/attestation/evidence.ts';
import { ReportData } from '../../../../lib/attestation/report-data.ts';
import { sevSnp } from '../../../../lib/attestation/sev-snp/sev-snp.ts';
import { tdx } from '../../../../lib/attestation/tdx/tdx.ts';
import { evidenceVectorsAbsent, vectorBytes } from '../../../vectors/attestation/evidence-vectors.ts';
import { fakeConfigfsTsm, withReportData, type Disturbances, type FakeTsmOptions } from './fake-configfs-tsm.ts';
import { refusalOf, someReportData } from './report-data.ts';

const SNP_REPORT_DATA = 0x50;
const TDX_REPORT_DATA = 48 + 520;
const pause = async (): Promise<void> => {};
const reportData = someReportData();
const asked = ReportData.bytesOf(reportData);
/** A stand-in of the right shape where the real blobs are not needed. */
const plainReport = (inblob: Uint8Array): Uint8Array => withReportData(new Uint8Array(1184), SNP_REPORT_DATA, inblob);

const snp = (disturbances: Disturbances = {}, more: Partial<FakeTsmOptions> = {}) =>
  fakeConfigfsTsm({ provider: 'sev_guest', report: plainReport, disturbances, ...more });
const collect = (tsm: ReturnType<typeof snp>, privilegeLevel?: number) =>
  configfsTsm({
    files: tsm.files,
    platform: 'sev-snp',
    pause,
    ...(privilegeLevel === undefined ? {} : { privilegeLevel }),
  }).collect(reportData);

describe.skipIf(evidenceVectorsAbsent)('on real blobs', () => {
  test('SEV-SNP: the report, then the certificate table of the host', async () => {
    const outblob = vectorBytes('extracted/sev-snp/veraison/outblob.bin');
    const auxblob = vectorBytes('extracted/sev-snp/veraison/auxblob.bin');
    const report = (inblob: Uint8Array) => withReportData(outblob, SNP_REPORT_DATA, inblob);
    const tsm = fakeConfigfsTsm({ provider: 'sev_guest', report, auxblob });
    const attester = hardwareAttester(configfsTsm({ files: tsm.files, platform: 'sev-snp', pause }));
    const evidence = decodeEvidence(await attester.attest(reportData));
    if (!evidence.ok) throw new Error('not an envelope');
    expect(evidence.value.platform).toBe('sev-snp');
    expect(evidence.value.bytes).toEqual(new Uint8Array([...report(asked), ...auxblob]));
    expect(tsm.questions).toEqual([asked]);
    expect(sevSnp.parse(evidence.value.bytes)).toMatchObject({ ok: true });
    expect(tsm.entries.size).toBe(0);
  });

  test('TDX: the quote, and no file that only SEV-SNP has', async () => {
    const quote = vectorBytes('extracted/tdx/dstack/quote-report.quote.bin');
    const report = (inblob: Uint8Array) => withReportData(quote, TDX_REPORT_DATA, inblob);
    const tsm = fakeConfigfsTsm({ provider: 'tdx_guest', report });
    const bytes = await configfsTsm({ files: tsm.files, platform: 'tdx', pause }).collect(reportData);
    expect(bytes).toEqual(report(asked));
    expect(tdx.parse(bytes)).toMatchObject({ ok: true });
  });
});

describe('an entry', () => {
  test('has a name of its own each time, and is removed', async () => {
    const tsm = snp();
    await collect(tsm);
    await collect(tsm);
    expect(new Set(tsm.made).size).toBe(2);
    expect(tsm.entries.size).toBe(0);
  });

  test('is removed after a refusal too', async () => {
    const tsm = snp({}, { report: () => new Uint8Array() });
    await refusalOf(collect(tsm));
    expect(tsm.made).toHaveLength(1);
    expect(tsm.entries.size).toBe(0);
  });

  test('tells the provider without a question', async () => {
    const tsm = snp();
    expect(await tsmProvider(tsm.files)).toBe('sev_guest');
    expect(tsm.questions).toEqual([]);
    expect(tsm.entries.size).toBe(0);
  });
});

describe('what disturbs', () => {
  const cases: readonly (readonly [string, Disturbances, number])[] = [
    ['the kernel is busy', { busyReads: 2 }, 3],
    ['another program writes before the answer is read', { racesAfterWrite: 2 }, 3],
    ['another program writes between report and certificates', { racesAfterRead: 1 }, 2],
    ['the kernel drops the write and says nothing', { droppedWrites: 1 }, 2],
  ];
  test.each(cases)('%s: tried again in a new entry', async (_, disturbances, attempts) => {
    const tsm = snp({ ...disturbances });
    expect(await collect(tsm)).toEqual(plainReport(asked));
    expect(new Set(tsm.made).size).toBe(attempts);
    expect(tsm.entries.size).toBe(0);
  });

  test.each([
    ['busy', { busyReads: 99 }, 'EBUSY'],
    ['races', { racesAfterRead: 99 }, 'generation 2 after 1 writes of ours'],
    ['dropped', { droppedWrites: 99 }, 'generation 0 after 1 writes of ours'],
  ] as const)('%s without end: given up, and said why', async (_, disturbances, said) => {
    const tsm = snp({ ...disturbances });
    const { code, detail } = await refusalOf(collect(tsm));
    expect(code).toBe('E-ATTEST-UNAVAILABLE');
    expect(detail).toContain(said);
    expect(tsm.made).toHaveLength(6);
    expect(tsm.entries.size).toBe(0);
  });
});

describe('refused at once', () => {
  test('an empty report', async () => {
    const tsm = snp({}, { report: () => new Uint8Array() });
    expect((await refusalOf(collect(tsm))).detail).toContain('outblob: empty');
  });

  test('a report about another question', async () => {
    const tsm = snp({}, { report: () => plainReport(new Uint8Array(64).fill(3)) });
    expect((await refusalOf(collect(tsm))).detail).toContain('evidence for another question');
  });

  test('another provider', async () => {
    const tsm = snp({}, { provider: 'tdx_guest' });
    expect((await refusalOf(collect(tsm))).detail).toContain('"tdx_guest"');
    expect(tsm.questions).toEqual([]);
  });

  test.each([
    ['EACCES', 'let the user of this program'],
    ['ENOENT', 'Linux 6.7'],
    ['ENOSYS', 'log of the kernel'],
  ])('a kernel that says %s', async (refusesEntries, advice) => {
    const { detail } = await refusalOf(collect(snp({ refusesEntries })));
    expect(detail).toContain(refusesEntries);
    expect(detail).toContain(advice);
  });

  test('a bug of ours is no refusal', async () => {
    const tsm = snp(
      {},
      {
        report: () => {
          throw new TypeError('bug');
        },
      },
    );
    await expect(collect(tsm)).rejects.toThrow(TypeError);
    expect(tsm.entries.size).toBe(0);
  });
});

describe('privilege level', () => {
  test('is written first, and counts as a write', async () => {
    const levels: (number | null)[] = [];
    const report = (inblob: Uint8Array, level: number | null): Uint8Array => {
      levels.push(level);
      return plainReport(inblob);
    };
    await collect(snp({}, { report, floor: 1 }), 2);
    expect(levels).toEqual([2]);
  });

  test('below the floor is refused in words, before anything is written', async () => {
    const tsm = snp({}, { floor: 2 });
    expect((await refusalOf(collect(tsm, 1))).detail).toContain('1 is below the floor 2');
    expect(tsm.questions).toEqual([]);
  });
});
