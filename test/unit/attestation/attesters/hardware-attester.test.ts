import { expect, test } from 'vitest';
import { hardwareAttester, type EvidenceCollector } from '../../../../lib/attestation/attesters/hardware-attester.ts';
import { decodeEvidence, MAX_PLATFORM_EVIDENCE_BYTES } from '../../../../lib/attestation/evidence.ts';
import { ReportData } from '../../../../lib/attestation/report-data.ts';
import { refusalOf, someReportData } from './report-data.ts';

const collector = (collect: EvidenceCollector['collect']): EvidenceCollector => ({ platform: 'sgx', collect });

test('only minted report data reaches the platform (PROTOCOL §4.5)', async () => {
  let asked = 0;
  const attester = hardwareAttester(
    collector(async () => {
      asked += 1;
      return new Uint8Array(1);
    }),
  );
  const chosen = new Uint8Array(64).fill(0xcc);
  for (const forged of [chosen, { bytes: chosen }, Object.create(ReportData.prototype)] as unknown[]) {
    await expect(attester.attest(forged as ReportData)).rejects.toThrow(TypeError);
  }
  expect(asked).toBe(0);
});

test('asks one question at a time, also after one that failed', async () => {
  const events: string[] = [];
  let number = 0;
  const attester = hardwareAttester(
    collector(async () => {
      const mine = number++;
      events.push(`asks ${mine}`);
      await new Promise((resolve) => setImmediate(resolve));
      events.push(`answered ${mine}`);
      if (mine === 0) throw new Error('broken');
      return Uint8Array.of(mine);
    }),
  );
  const answers = await Promise.allSettled([1, 2, 3].map((seed) => attester.attest(someReportData(seed))));
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
  expect(events).toEqual(['asks 0', 'answered 0', 'asks 1', 'answered 1', 'asks 2', 'answered 2']);
});

test('the largest evidence fits its envelope, one byte more is refused', async () => {
  const of = (length: number) => hardwareAttester({ platform: 'dstack', collect: async () => new Uint8Array(length) });
  const whole = await of(MAX_PLATFORM_EVIDENCE_BYTES).attest(someReportData());
  expect(decodeEvidence(whole)).toMatchObject({ ok: true });
  const { code, detail } = await refusalOf(of(MAX_PLATFORM_EVIDENCE_BYTES + 1).attest(someReportData()));
  expect(code).toBe('E-ATTEST-UNAVAILABLE');
  expect(detail).toContain('fit an envelope');
});
