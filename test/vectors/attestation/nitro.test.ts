import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Check } from '../../../lib/attestation/attestation-result.ts';
import { nitro } from '../../../lib/attestation/nitro/nitro.ts';
import { VENDOR_ROOTS } from '../../../lib/attestation/trust/vendor-roots.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { evidenceVectorsAbsent, vectorBytes, vectorFiles } from './evidence-vectors.ts';

const DSTACK = 'nitro/Dstack-TEE+dstack/dstack';
const FORTANIX = 'nitro/fortanix+rust-sgx';
const FORTANIX_DATA = `${FORTANIX}/fortanix-vme/aws-nitro-enclaves/nitro-attestation-verify/data`;
const PRODUCTION = {
  module: 'i-0827e799ec9232d44-enc019b5640fdf630d6',
  pcr0: 'eb7d0dab08ff',
  at: '2025-12-25T16:04:19.346Z',
};
const SECOND = {
  module: 'i-0827e799ec9232d44-enc019b55a68bd2ed4b',
  pcr0: '5cb702954321',
  at: '2025-12-25T13:15:37.578Z',
};
const DEBUG = {
  module: 'i-0fd3fdaad4e904e69-enc019b54988b2d89ba',
  pcr0: '000000000000',
  at: '2025-12-25T08:20:46.577Z',
  debug: true,
};
const OLD = {
  module: 'i-02e3a660059b27d87-enc017bca11991e5083',
  pcr0: '000000000000',
  at: '2021-09-09T10:19:20.215Z',
  debug: true,
};

interface Expected {
  readonly module: string;
  readonly pcr0: string;
  /** The moment at which it is evaluated: the document's own. */
  readonly at: string;
  readonly debug?: boolean;
  readonly failed?: readonly string[];
}

/** Every Nitro document of the folder. */
const TABLE: Readonly<Record<string, Expected>> = {
  [`${DSTACK}/dstack-attest/tests/nitro_attestation.bin`]: PRODUCTION,
  [`${DSTACK}/dstack-attest/tests/nitro_attestation_dbg.bin`]: DEBUG,
  [`${DSTACK}/nsm-attest/tests/nitro_attestation.bin`]: SECOND,
  [`${DSTACK}/nsm-qvl/tests/nitro_attestation.bin`]: SECOND,
  'extracted/nitro/dstack/dstack-prod.cbor': PRODUCTION,
  'extracted/nitro/dstack/dstack-prod2.cbor': SECOND,
  'extracted/nitro/dstack/dstack-debug.cbor': DEBUG,
  // Named "expired" because its tests evaluate it at the current time; at its own time it is authentic.
  [`${FORTANIX}/em-app/tests/expired_attestation.bin`]: OLD,
  [`${FORTANIX_DATA}/request_proper.bin`]: OLD,
  // The last byte of the COSE signature was changed.
  [`${FORTANIX_DATA}/tampered_signature.bin`]: { ...OLD, failed: ['SIGNATURE Nitro signature'] },
  // The manifest lists no verdict. Five bytes at the head of the leaf were changed, so that its DER lengths no longer
  // fit, and the last byte of the COSE signature.
  [`${FORTANIX_DATA}/tampered_certificate.bin`]: { ...OLD, failed: ['MALFORMED'] },
};

/** dstack's own envelope in front: version 0, kind 2, length as SCALE compact integer, then the document. */
function inner(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0) return bytes;
  const length = ((bytes[2] ?? 0) | ((bytes[3] ?? 0) << 8)) >> 2;
  return bytes.subarray(4, 4 + length);
}

const failed = (checks: readonly Check[]): string[] =>
  checks.filter(({ passed }) => !passed).map(({ code, name }) => `${code.slice('E-ATTEST-'.length)} ${name}`);

function failures(bytes: Uint8Array, at: number, roots = VENDOR_ROOTS): string[] {
  const parsed = nitro.parse(bytes);
  if (!parsed.ok) return [parsed.error.code.slice('E-ATTEST-'.length)];
  return failed(nitro.authenticate(parsed.value, { at, roots, collateral: [], revocation: 'required' }).checks);
}

describe.skipIf(evidenceVectorsAbsent)('genuine Nitro documents', () => {
  test('the table has every document of the folder', () => {
    const documents = [...vectorFiles('nitro', /\.bin$/), ...vectorFiles('extracted/nitro')];
    expect(documents.sort()).toEqual(Object.keys(TABLE).sort());
  });

  test.each(Object.entries(TABLE))('%s', (path, { module, pcr0, at, debug = false, failed: wanted = [] }) => {
    const bytes = inner(vectorBytes(path));
    expect(nitro.recognises(bytes)).toBe(true);
    expect(failures(bytes, Date.parse(at))).toEqual(wanted);
    const parsed = nitro.parse(bytes);
    if (!parsed.ok) return;
    const { claims } = nitro.authenticate(parsed.value, {
      at: Date.parse(at),
      roots: VENDOR_ROOTS,
      collateral: [],
      revocation: 'required',
    });
    if (wanted.length > 0) expect(claims).toBeNull();
    else expect(claims).toMatchObject({ instance: module, debug, issuedAt: Date.parse(at) });
    expect(claims?.measurements['PCR0']?.startsWith(pcr0) ?? true).toBe(true);
  });

  test('says what dstack found in the same document', () => {
    const parsed = nitro.parse(vectorBytes('extracted/nitro/dstack/dstack-prod.cbor'));
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const report = JSON.parse(
      new TextDecoder()
        .decode(vectorBytes(`${DSTACK}/dstack-attest/tests/snapshots/nitro_verify__nitro_report.snap`))
        .split('---\n')[2] ?? '',
    ) as { module_id: string; timestamp: number; user_data: string; pcrs: Record<string, string> };
    expect(parsed.value).toMatchObject({ moduleId: report.module_id, timestamp: report.timestamp });
    expect(toHex(parsed.value.userData ?? new Uint8Array())).toBe(report.user_data);
    for (const index of [0, 1, 2]) {
      expect(toHex(parsed.value.pcrs.get(index) ?? new Uint8Array())).toBe(report.pcrs[`pcr${index}`]);
    }
  });

  const genuine = Object.entries(TABLE).filter(([path, row]) => row.failed === undefined && path.includes('extracted'));

  test.each(genuine)('%s: any changed byte is refused', (path, { at }) => {
    const bytes = Uint8Array.from(vectorBytes(path));
    const seen = new Set<string>();
    for (let index = 0; index < bytes.length; index += index < 12 ? 1 : 23) {
      const old = bytes[index] ?? 0;
      bytes[index] = old ^ (1 << (index % 8));
      const found = failures(bytes, Date.parse(at));
      expect(found, `byte ${index}`).not.toEqual([]);
      for (const failure of found) seen.add(failure.split(' ')[0] ?? '');
      bytes[index] = old;
    }
    expect([...seen].filter((code) => !['MALFORMED', 'SIGNATURE', 'EXPIRED', 'MISMATCH'].includes(code))).toEqual([]);
  });

  test.each(genuine)('%s: cut short anywhere it is malformed', (path, { at }) => {
    const bytes = vectorBytes(path);
    for (let length = 0; length < bytes.length; length += 13) {
      expect(failures(bytes.subarray(0, length), Date.parse(at))).toEqual(['MALFORMED']);
    }
  });

  test.each(genuine)('%s: before, after, and under another root', (path, { at }) => {
    const bytes = vectorBytes(path);
    const hour = 3_600_000;
    expect(failures(bytes, Date.parse(at) - hour)).toEqual(['EXPIRED Nitro validity']);
    expect(failures(bytes, Date.parse(at) + 4 * hour)).toEqual(['EXPIRED Nitro validity']);
    const other = { ...VENDOR_ROOTS, nitro: [createHash('sha256').update('other').digest('hex')] };
    expect(failures(bytes, Date.parse(at), other)).toEqual(['SIGNATURE Nitro root']);
  });

  test('certificates of one document under the signature of another', () => {
    const [a, b] = ['dstack-prod', 'dstack-debug'].map((name) => {
      const parsed = nitro.parse(vectorBytes(`extracted/nitro/dstack/${name}.cbor`));
      if (!parsed.ok) throw new Error(parsed.error.detail);
      return parsed.value;
    });
    if (a === undefined || b === undefined) throw new Error('no documents');
    const verdict = (document: typeof a, at: number): string[] =>
      failed(nitro.authenticate(document, { at, roots: VENDOR_ROOTS, collateral: [], revocation: 'required' }).checks);
    expect(verdict({ ...a, leaf: b.leaf, authorities: b.authorities }, b.timestamp)).toEqual([
      'SIGNATURE Nitro signature',
      'MISMATCH Nitro timestamp',
    ]);
    expect(verdict({ ...a, authorities: b.authorities }, a.timestamp)).toContain('SIGNATURE Nitro signatures');
  });
});
