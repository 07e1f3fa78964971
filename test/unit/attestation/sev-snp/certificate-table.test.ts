import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { total } from '../../../../lib/attestation/formats/malformed.ts';
import { readCertificateTable, tableCollateral } from '../../../../lib/attestation/sev-snp/certificate-table.ts';
import { TABLE_GUID, certificateTable } from '../../../authorities/amd-authority.ts';

const read = (bytes: Uint8Array) => total('certificate table', () => readCertificateTable(bytes));
const some = certificateTable([
  [TABLE_GUID.VCEK, Buffer.of(0x30, 0)],
  [TABLE_GUID.CRL, Buffer.of(0x30, 1, 5)],
  ['11'.repeat(16), Buffer.of(9)],
]);

function altered(change: (view: DataView) => void): Uint8Array {
  const copy = some.slice();
  change(new DataView(copy.buffer));
  return copy;
}

describe('a certificate table (GHCB)', () => {
  it('names its entries, and gives those it knows as collateral', () => {
    const table = read(some);
    if (!table.ok) throw new Error(table.error.detail);
    expect(table.value.map(({ kind, offset }) => [kind, offset])).toEqual([
      ['VCEK', 96],
      ['CRL', 98],
      ['other', 101],
    ]);
    expect(tableCollateral(table.value)).toEqual([
      { kind: 'certificate', der: new Uint8Array([0x30, 0]) },
      { kind: 'revocation-list', der: new Uint8Array([0x30, 1, 5]) },
    ]);
  });

  it('decodes an entry that is PEM', () => {
    const pem = Buffer.from(
      `-----BEGIN CERTIFICATE-----\n${Buffer.of(0x30, 0).toString('base64')}\n-----END CERTIFICATE-----\n`,
    );
    const table = read(certificateTable([[TABLE_GUID.ARK, pem]]));
    expect(table.ok && [...(table.value[0]?.content ?? [])]).toEqual([0x30, 0]);
  });

  it('may be empty, and followed by padding', () => {
    const table = read(new Uint8Array(4096));
    expect(table.ok && table.value).toEqual([]);
  });

  it.each<[string, Uint8Array]>([
    ['has no end', some.subarray(0, 72)],
    [
      'points past its end',
      altered((view) => {
        view.setUint32(16, some.length - 1, true);
      }),
    ],
    [
      'points far away',
      altered((view) => {
        view.setUint32(16, 0xffff_ffff, true);
      }),
    ],
    [
      'has an entry longer than itself',
      altered((view) => {
        view.setUint32(20, 0xffff_ffff, true);
      }),
    ],
    [
      'points into its own header',
      altered((view) => {
        view.setUint32(16, 24, true);
      }),
    ],
    [
      'has an entry without GUID',
      altered((view) => {
        view.setUint32(72 + 16, 1, true);
      }),
    ],
    [
      'uses the same bytes for many entries',
      certificateTable(Array.from({ length: 8 }, () => [TABLE_GUID.VCEK, Buffer.alloc(40)] as const)).map((byte, at) =>
        at >= 16 && at < 192 && at % 24 === 20 ? 200 : byte,
      ),
    ],
    [
      'has too many entries',
      certificateTable(Array.from({ length: 17 }, () => [TABLE_GUID.VCEK, Buffer.of(1)] as const)),
    ],
  ])('is refused when it %s', (_, bytes) => {
    const table = read(bytes);
    expect(table.ok ? 'read' : table.error.code).toBe('E-ATTEST-MALFORMED');
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(some.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(some.length),
        (changes, end) => {
          const copy = some.slice();
          for (const [at, byte] of changes) copy[at] = byte;
          const table = read(copy.subarray(0, end));
          expect(table.ok || table.error.code === 'E-ATTEST-MALFORMED').toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});
