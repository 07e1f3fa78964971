import { describe, expect, test } from 'vitest';
import type { IoctlCall } from '../../../../lib/attestation/attesters/device-ioctl.ts';
import { sevGuest } from '../../../../lib/attestation/attesters/sev-guest.ts';
import { ReportData } from '../../../../lib/attestation/report-data.ts';
import { sevSnp } from '../../../../lib/attestation/sev-snp/sev-snp.ts';
import { concatBytes } from '../../../../lib/core/bytes.ts';
import { evidenceVectorsAbsent, vectorBytes } from '../../../vectors/attestation/evidence-vectors.ts';
import { withReportData } from './fake-configfs-tsm.ts';
import { failing, fakeIoctl, pointed } from './fake-ioctl.ts';
import { refusalOf, someReportData } from './report-data.ts';

const reportData = someReportData();
const asked = ReportData.bytesOf(reportData);
const pause = async (): Promise<void> => {};
const report = withReportData(new Uint8Array(1184).fill(1), 0x50, asked);

interface Answered {
  readonly report?: Uint8Array;
  readonly table?: Uint8Array;
  readonly status?: number;
  readonly size?: number;
}

/** struct snp_guest_request_ioctl → struct snp_ext_report_req → page for certificates; struct snp_report_resp. */
const answers =
  ({ report: answer = report, table = new Uint8Array(), status = 0, size = 1184 }: Answered) =>
  ({ argument }: IoctlCall): void => {
    pointed(pointed(argument, 8), 96).bytes.set(table);
    const response = pointed(argument, 16).bytes;
    const view = new DataView(response.buffer);
    view.setUint32(0, status, true);
    view.setUint32(4, size, true);
    response.set(answer, 32);
  };
const collect = (ioctl: ReturnType<typeof fakeIoctl>, vmpl?: number) =>
  sevGuest({ ioctl, pause, ...(vmpl === undefined ? {} : { vmpl }) }).collect(reportData);

test('the call, byte by byte', async () => {
  const seen: unknown[] = [];
  const ioctl = fakeIoctl((call) => {
    const { device, request, argument } = call;
    const message = pointed(argument, 8);
    seen.push([device, request, argument.bytes.slice(), message.bytes.slice()]);
    expect(pointed(argument, 16).bytes).toHaveLength(4000);
    expect(pointed(message, 96).bytes).toHaveLength(0x4000);
    answers({})(call);
  });
  expect(await collect(ioctl, 2)).toEqual(report);
  const wrapper = new Uint8Array(32);
  wrapper[0] = 1;
  const message = new Uint8Array(112);
  message.set(asked);
  message[64] = 2;
  message[105] = 0x40;
  expect(seen).toEqual([['/dev/sev-guest', 0xc0205302, wrapper, message]]);
});

test.skipIf(evidenceVectorsAbsent)('real report and certificates come out as they went in', async () => {
  const real = withReportData(vectorBytes('extracted/sev-snp/veraison/outblob.bin'), 0x50, asked);
  const table = vectorBytes('extracted/sev-snp/veraison/auxblob.bin');
  const padded = concatBytes(table, new Uint8Array(0x4000 - table.length));
  const collected = await collect(fakeIoctl(answers({ report: real, table })));
  expect(collected).toEqual(concatBytes(real, padded));
  expect(sevSnp.parse(collected)).toMatchObject({ ok: true });
  expect(sevSnp.parse(await collect(fakeIoctl(answers({ report: real }))))).toMatchObject({ ok: true });
});

test('busy: tried again', async () => {
  const ioctl = fakeIoctl(failing('EBUSY'), failing('EAGAIN'), answers({}));
  expect(await collect(ioctl)).toEqual(report);
  expect(ioctl.calls).toHaveLength(3);
});

describe('refused', () => {
  const failingWith = (firmware: number, host: number) => (call: IoctlCall) => {
    const view = new DataView(call.argument.bytes.buffer);
    view.setUint32(24, firmware, true);
    view.setUint32(28, host, true);
    failing('EIO')();
  };
  const cases: readonly (readonly [string, (call: IoctlCall) => void, string])[] = [
    ['a table that is too large', failingWith(0, 1), 'exceeds 16 KiB'],
    ['an error of the firmware', failingWith(0x16, 0), 'firmware error 0x16, host error 0x0'],
    ['a status', answers({ status: 0x16 }), 'status 0x16'],
    ['another size', answers({ size: 1183 }), '1183 bytes'],
    ['a report about another question', answers({ report: new Uint8Array(1184) }), 'another question'],
    ['busy without end', failing('EBUSY'), 'EBUSY'],
    ['no device', failing('ENOENT'), 'SEV-SNP guest'],
  ];
  test.each(cases)('%s', async (_, behaviour, said) => {
    const { code, detail } = await refusalOf(collect(fakeIoctl(behaviour)));
    expect(code).toBe('E-ATTEST-UNAVAILABLE');
    expect(detail).toContain(said);
  });
});
