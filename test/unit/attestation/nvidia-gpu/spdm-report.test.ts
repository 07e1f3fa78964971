import { describe, expect, it } from 'vitest';
import { Malformed } from '../../../../lib/attestation/formats/malformed.ts';
import { readSpdmReport } from '../../../../lib/attestation/nvidia-gpu/spdm-report.ts';
import { nvidiaAuthority } from '../../../authorities/nvidia-authority.ts';

const { report } = nvidiaAuthority().gpu();
const RESPONSE = 37;
const RECORD = 45;
const BLOCK_BYTES = 55;
const OPAQUE_LENGTH = RECORD + 64 * BLOCK_BYTES + 32;

/** With these bytes at these places; nothing here looks at the signature. */
function patched(...patches: readonly [at: number, ...bytes: number[]][]): Uint8Array {
  const bytes = Uint8Array.from(report);
  for (const [at, ...values] of patches) bytes.set(values, at);
  return bytes;
}

describe('an SPDM report', () => {
  it('is request, response and signature with nothing between', () => {
    const read = readSpdmReport(report);
    expect(read.blocks).toHaveLength(64);
    expect(read.offsets).toMatchObject({ responseNonce: OPAQUE_LENGTH - 32, opaque: OPAQUE_LENGTH + 2 });
    expect(read.signed.length + read.signature.length).toBe(report.length);
    expect([read.padded, read.slot]).toEqual([false, 0]);
  });

  it.each<[string, string, Uint8Array]>([
    ['another SPDM version in the request', 'no SPDM 1.1 request', patched([0, 0x12])],
    ['another request', 'no SPDM 1.1 request', patched([1, 0xe1])],
    ['no signature asked for', 'no signature was asked for', patched([2, 0])],
    ['one measurement asked for', 'not all measurements', patched([3, 1])],
    ['another SPDM version in the response', 'no SPDM 1.1 response', patched([RESPONSE, 0x12])],
    ['another response', 'no SPDM 1.1 response', patched([RESPONSE + 1, 0x61])],
    ['fewer blocks than its record', 'another length', patched([RESPONSE + 4, 63])],
    ['more blocks than its record', 'specification', patched([RESPONSE + 4, 65])],
    ['a shorter record than its blocks', 'another length', patched([RESPONSE + 5, (64 * BLOCK_BYTES - 1) & 0xff])],
    ['a block of another specification', 'specification', patched([RECORD + 1, 2])],
    ['a block of two lengths', 'two lengths', patched([RECORD + 2, 50])],
    ['a block that runs over the end', 'cut short', patched([RECORD + 2, 0xff, 0xff], [RECORD + 5, 0xfc, 0xff])],
    ['index 0', 'used twice', patched([RECORD, 0])],
    ['index 255', 'used twice', patched([RECORD, 255])],
    ['an index twice', 'used twice', patched([RECORD, 2])],
    [
      'opaque data that end inside a field',
      'another length',
      patched([OPAQUE_LENGTH, (report[OPAQUE_LENGTH] ?? 0) - 1]),
    ],
    ['opaque data that run over the end', 'cut short', patched([OPAQUE_LENGTH, 0xff, 0xff])],
    ['an opaque field twice', 'stands twice', patched([OPAQUE_LENGTH + 2, 6])],
    ['more than 32 KiB', '32 KiB', Buffer.concat([report, Buffer.alloc(32 * 1024)])],
  ])('is malformed with %s', (_, message, bytes) => {
    expect(() => readSpdmReport(bytes)).toThrow(Malformed);
    expect(() => readSpdmReport(bytes)).toThrow(message);
  });
});
