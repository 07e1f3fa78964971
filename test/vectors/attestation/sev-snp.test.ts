import { describe, expect, it } from 'vitest';
import type { Check } from '../../../lib/attestation/attestation-result.ts';
import type { Collateral } from '../../../lib/attestation/collateral/collateral.ts';
import { fallbackOf } from '../../../lib/attestation/policy/policy-section.ts';
import { sevSnp } from '../../../lib/attestation/sev-snp/sev-snp.ts';
import type { SnpClaims } from '../../../lib/attestation/sev-snp/claims.ts';
import { VENDOR_ROOTS, type VendorRoots } from '../../../lib/attestation/trust/vendor-roots.ts';
import { readPem } from '../../../lib/attestation/x509/pem.ts';
import { concatBytes, fromHex } from '../../../lib/core/bytes.ts';
import { evidenceVectorsAbsent, vectorBytes, vectorFiles, vectorText } from './evidence-vectors.ts';

const AT = Date.parse('2026-07-01T00:00:00Z');
/** Amazon's VLEK certificate was valid for the year up to 2025-12-10. */
const VLEK_AT = Date.parse('2025-06-01T00:00:00Z');
const TRUSTEE = 'sev-snp/confidential-containers+trustee/deps/verifier/test_data/snp';
const MICROSOFT = 'sev-snp/microsoft+TEE-Attestation-Verification';
const ATTESTATION_RS = 'sev-snp/confidential-dot-ai+attestation-rs/crates/attestation/test_data/snp';
const VIRTEE = 'sev-snp/virtee+sev/tests/certs_data';
const LIT = 'sev-snp/LIT-Protocol+sev-snp-utils/resources/test';
const DSTACK = 'sev-snp/Dstack-TEE+dstack/dstack';
const KDS = 'roots/confidential-dot-ai+attestation-rs/crates/attestation/certs/amd';

interface Genuine {
  readonly file: string;
  /** Null: the certificates are in the host's table, which follows the report. */
  readonly leaf: string | null;
  readonly at?: number;
  readonly product: 'milan' | 'genoa' | 'turin';
  readonly line?: string;
  readonly version: number;
  readonly vmpl?: number;
  /** First bytes of measurement and of chip id, hexadecimal. */
  readonly measurement: string;
  readonly chip: string | null;
  readonly reportedTcb: Readonly<Record<string, number>>;
  /** What the fallback policy says against it once its product is allowed. */
  readonly refused?: readonly string[];
}

const NO_ALIAS_CHECK = 'E-ATTEST-POLICY alias check';
const UNCOMMITTED = 'E-ATTEST-TCB provisional firmware';
const milan = (bootloader: number, snp: number, microcode: number) => ({ bootloader, tee: 0, snp, microcode });

const genuine: readonly Genuine[] = [
  {
    file: 'sev-snp/google+go-sev-guest/verify/testdata/attestation.bin',
    leaf: 'sev-snp/google+go-sev-guest/verify/testdata/vcek.testcer',
    product: 'milan',
    version: 2,
    measurement: 'b07af9620f3b839b',
    chip: '3ac3fe21e13fb099',
    reportedTcb: milan(2, 5, 0x44),
    // Policy 0xb0000: the debug bit is set, which the caller judges.
    refused: [NO_ALIAS_CHECK],
  },
  {
    file: `${VIRTEE}/report_milan.hex`,
    leaf: `${VIRTEE}/vcek_milan.der`,
    product: 'milan',
    version: 2,
    measurement: '7a1e5c266c0108db',
    chip: 'd49554ec717f4e5b',
    reportedTcb: milan(3, 8, 0x73),
    refused: [NO_ALIAS_CHECK],
  },
  {
    file: `${TRUSTEE}/test-report.bin`,
    leaf: `${TRUSTEE}/test-vcek.der`,
    product: 'milan',
    version: 2,
    measurement: 'a1f3930413247bb3',
    chip: 'c38427a30d4c7af9',
    reportedTcb: milan(3, 8, 0x73),
    // Runs microcode 0xce, has committed to 0x73.
    refused: [UNCOMMITTED, NO_ALIAS_CHECK],
  },
  {
    file: `${MICROSOFT}/tests/test_data/milan_attestation_report.bin`,
    leaf: `${MICROSOFT}/tests/test_data/milan_vcek.pem`,
    product: 'milan',
    version: 3,
    measurement: '5feee30d6d7e1a29',
    chip: '4ffb5cb4fd594f3f',
    reportedTcb: milan(4, 0x18, 0xdb),
  },
  {
    file: `${MICROSOFT}/src/crypto/test_data/milan_attestation_report.bin`,
    leaf: `${MICROSOFT}/src/crypto/test_data/milan_vcek.pem`,
    product: 'milan',
    version: 3,
    measurement: '5feee30d6d7e1a29',
    chip: '4ffb5cb4fd594f3f',
    reportedTcb: milan(4, 0x18, 0xdb),
  },
  {
    file: `${MICROSOFT}/tests/test_data/genoa_attestation_report.bin`,
    leaf: `${MICROSOFT}/tests/test_data/genoa_vcek.pem`,
    product: 'genoa',
    version: 3,
    measurement: '5feee30d6d7e1a29',
    chip: 'b1e24a27bbc3a4d5',
    reportedTcb: milan(10, 0x17, 0x54),
  },
  {
    file: `${MICROSOFT}/tests/test_data/turin_attestation_report.bin`,
    leaf: `${MICROSOFT}/tests/test_data/turin_vcek.pem`,
    product: 'turin',
    version: 5,
    measurement: '6d6c354511d6f7c6',
    chip: '59790fb1c39f35c1',
    reportedTcb: { fmc: 1, bootloader: 1, tee: 1, snp: 4, microcode: 0x51 },
  },
  {
    file: `${TRUSTEE}/test-vlek-report.bin`,
    leaf: `${TRUSTEE}/test-vlek.der`,
    at: VLEK_AT,
    product: 'milan',
    version: 3,
    vmpl: 1,
    measurement: '8922ebbdd00ec2c5',
    chip: null,
    reportedTcb: milan(4, 0x18, 0xd9),
    // Runs microcode 0xdc, has committed to 0xdb.
    refused: [UNCOMMITTED, 'E-ATTEST-POLICY VMPL'],
  },
  {
    file: `${ATTESTATION_RS}/live-report-v5-genoa.bin`,
    leaf: `${ATTESTATION_RS}/live-vcek-genoa.der`,
    product: 'genoa',
    line: 'bergamo-siena',
    version: 5,
    measurement: 'd9912ba396ce409c',
    chip: 'b5f9a4c8280e63c9',
    reportedTcb: milan(10, 0x1b, 0x1b),
  },
  {
    file: 'extracted/sev-snp/dstack/report.bin',
    leaf: `${DSTACK}/dstack-attest/tests/sev_snp_vcek.pem`,
    product: 'milan',
    version: 3,
    measurement: '7f51e17f72a04d54',
    chip: '38d174589d2dff97',
    reportedTcb: milan(4, 0x17, 0xd5),
  },
  {
    file: 'extracted/sev-snp/veraison/outblob.bin',
    leaf: null,
    product: 'genoa',
    version: 3,
    measurement: '7699e6ac12ccdfd1',
    chip: '7b1584c94c7a4261',
    reportedTcb: milan(10, 0x17, 0x54),
  },
];

/** The same files under other names in other repositories. */
const COPIES = /attestation-rs.*\/test-(?:report|vlek-report)\.bin$/;

function certificatesOf(file: string): Collateral {
  const bytes = vectorBytes(file);
  const blocks = readPem(vectorText(file));
  return blocks.length === 0
    ? [{ kind: 'certificate', der: bytes }]
    : blocks.map(({ der }) => ({ kind: 'certificate', der }));
}

const bytesOf = (file: string): Uint8Array =>
  file.endsWith('.hex') ? (fromHex(vectorText(file).trim().toLowerCase()) ?? new Uint8Array()) : vectorBytes(file);

const authorities = (product: string): Collateral =>
  ['ark', 'ask', 'asvk'].flatMap((name) => certificatesOf(`${KDS}/${product}/${name}.der`));

const evidenceOf = ({ file, leaf }: Genuine): Uint8Array =>
  leaf === null ? concatBytes(bytesOf(file), vectorBytes('extracted/sev-snp/veraison/auxblob.bin')) : bytesOf(file);

const collateralOf = ({ leaf, product }: Genuine): Collateral =>
  leaf === null ? [] : [...certificatesOf(leaf), ...authorities(product)];

interface Outcome {
  readonly claims: SnpClaims | null;
  readonly failed: readonly string[];
  readonly missing: readonly string[];
}

interface Circumstances {
  readonly at?: number;
  readonly roots?: VendorRoots;
  readonly revocation?: 'required' | 'accept-absent';
}

function outcome(
  evidence: Uint8Array,
  collateral: Collateral,
  { at = AT, roots = VENDOR_ROOTS, revocation = 'accept-absent' }: Circumstances = {},
): Outcome {
  const parsed = sevSnp.parse(evidence);
  if (!parsed.ok) return { claims: null, failed: [`${parsed.error.code} parse`], missing: [] };
  const { claims, checks } = sevSnp.authenticate(parsed.value, { at, roots, collateral, revocation });
  return {
    claims,
    failed: named(checks.filter(({ passed, missing }) => !passed && missing !== true)),
    missing: named(checks.filter(({ missing }) => missing === true)),
  };
}

const named = (checks: readonly Check[]): string[] => checks.map(({ code, name }) => `${code} ${name}`);

const refusals = (claims: SnpClaims, products: readonly SnpProduct[]): string[] =>
  named(sevSnp.appraise(claims, { ...fallbackOf(sevSnp.policy), products }, AT).filter(({ passed }) => !passed));
type SnpProduct = 'milan' | 'genoa' | 'turin';

describe.skipIf(evidenceVectorsAbsent)('SEV-SNP reports of real machines', () => {
  it('are all in this table', () => {
    const files = vectorFiles('', /report.*\.(?:bin|hex)$|^attestation\.bin$|^outblob\.bin$/).filter(
      (file) => /sev-snp\//.test(file) && !file.includes(LIT) && !COPIES.test(file),
    );
    expect(files).toEqual(genuine.map(({ file }) => file).sort());
  });

  it.each(genuine)('$file is authentic', (vector) => {
    const { product, at = AT } = vector;
    const evidence = evidenceOf(vector);
    const { claims, failed, missing } = outcome(evidence, collateralOf(vector), { at });
    expect({ failed, missing }).toEqual({ failed: [], missing: [] });
    if (claims === null) throw new Error('no claims');
    expect(claims.line).toBe(vector.line ?? product);
    expect(claims.report.version).toBe(vector.version);
    expect(claims.report.vmpl).toBe(vector.vmpl ?? 0);
    const { MEASUREMENT: measurement } = claims.measurements;
    expect(measurement?.slice(0, 16)).toBe(vector.measurement);
    expect(claims.instance?.slice(0, 16) ?? null).toBe(vector.chip);
    expect(claims.instance === null || claims.instance.length === (product === 'turin' ? 16 : 128)).toBe(true);
    expect(claims.tcb.reported).toEqual(vector.reportedTcb);
    expect(claims.debug).toBe(vector.file.includes('google+go-sev-guest'));
    expect(refusals(claims, [product])).toEqual(vector.refused ?? []);
    expect(sevSnp.recognises(evidence)).toBe(true);
  });

  it.each(genuine)('$file is inconclusive while a revocation list is wanted', (vector) => {
    const { claims, failed, missing } = outcome(evidenceOf(vector), collateralOf(vector), {
      at: vector.at ?? AT,
      revocation: 'required',
    });
    expect({ failed, missing }).toEqual({ failed: [], missing: ['E-ATTEST-COLLATERAL revocation list'] });
    expect(claims).not.toBeNull();
  });

  it.each(genuine)('$file shows every field, in the order of its bytes', (vector) => {
    const parsed = sevSnp.parse(evidenceOf(vector));
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const fields = sevSnp.fields(parsed.value);
    expect(fields.length).toBeGreaterThan(30);
    const offsets = fields.map(({ offset }) => offset ?? -1).filter((offset) => offset < 1184);
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    expect(fields.every(({ value, meaning }) => value !== '' && meaning !== '')).toBe(true);
  });

  it('lets Milan pass only where the policy names it, and says why', () => {
    const [vector] = genuine;
    if (vector === undefined) throw new Error('no vector');
    const { claims } = outcome(evidenceOf(vector), collateralOf(vector));
    if (claims === null) throw new Error('no claims');
    const [product] = sevSnp.appraise(claims, fallbackOf(sevSnp.policy), AT);
    expect(product).toMatchObject({ name: 'product', passed: false, code: 'E-ATTEST-POLICY', got: 'Milan' });
    expect(product?.want).toContain('BadFuse');
  });
});

describe.skipIf(evidenceVectorsAbsent)('SEV-SNP evidence that must be refused', () => {
  const trustee = `${TRUSTEE}/test-report.bin`;
  const withLeaf = (leaf: string, at = AT): readonly string[] =>
    outcome(bytesOf(trustee), [...certificatesOf(leaf), ...authorities('milan')], { at }).failed;

  // Made by the repository's authors: another key, another issuer of the same name, hwid 00 01 02 ….
  it.each(['test-vcek-invalid-legacy.der', 'test-vcek-invalid-new.der'])('a certificate of nobody: %s', (leaf) => {
    expect(withLeaf(`${TRUSTEE}/${leaf}`)).toEqual(
      expect.arrayContaining([
        'E-ATTEST-SIGNATURE report signature',
        'E-ATTEST-SIGNATURE VCEK signatures',
        'E-ATTEST-MISMATCH certificate TCB',
        'E-ATTEST-MISMATCH chip id',
      ]),
    );
  });

  it('a genuine certificate of another chip', () => {
    expect(withLeaf(`${VIRTEE}/vcek_milan.der`)).toEqual([
      'E-ATTEST-SIGNATURE report signature',
      'E-ATTEST-MISMATCH chip id',
    ]);
  });

  it('a genuine certificate of another product', () => {
    expect(withLeaf(`${VIRTEE}/vcek_turin.der`)).toEqual(
      expect.arrayContaining(['E-ATTEST-SIGNATURE report signature', 'E-ATTEST-MISMATCH chip id']),
    );
  });

  it('a VLEK after its year', () => {
    const { failed } = outcome(
      bytesOf(`${TRUSTEE}/test-vlek-report.bin`),
      [...certificatesOf(`${TRUSTEE}/test-vlek.der`), ...authorities('milan')],
      { at: Date.parse('2025-12-11T00:00:00Z') },
    );
    expect(failed).toEqual(['E-ATTEST-EXPIRED VLEK validity']);
  });

  it.each(genuine)('$file before and after its certificates', (vector) => {
    for (const at of ['2018-01-01', '2060-01-01'].map(Date.parse)) {
      expect(outcome(evidenceOf(vector), collateralOf(vector), { at }).failed).toEqual([
        expect.stringMatching(/^E-ATTEST-EXPIRED V[CL]EK validity$/),
      ]);
    }
  });

  it.each(genuine)('$file under another root', (vector) => {
    const roots = { ...VENDOR_ROOTS, [`amd-${vector.product}`]: VENDOR_ROOTS.intel };
    expect(outcome(evidenceOf(vector), collateralOf(vector), { at: vector.at ?? AT, roots }).failed).toEqual([
      expect.stringMatching(/^E-ATTEST-SIGNATURE V[CL]EK root$/),
    ]);
  });

  it('a report whose certificates were not given is inconclusive, each named', () => {
    const { failed, missing } = outcome(bytesOf(trustee), []);
    expect(failed).toEqual([]);
    expect(missing).toEqual([
      'E-ATTEST-COLLATERAL VCEK certificate',
      'E-ATTEST-COLLATERAL SEV-Milan certificate',
      'E-ATTEST-COLLATERAL ARK-Milan certificate',
    ]);
  });

  // No VCEK of this chip is in any repository. It runs firmware 1.51.3 and has committed to 1.49.6.
  it('firmware that is not committed', () => {
    const { claims, failed, missing } = outcome(bytesOf(`${LIT}/guest_report.bin`), authorities('milan'));
    expect(failed).toEqual([]);
    expect(missing).toContain('E-ATTEST-COLLATERAL VCEK certificate');
    if (claims === null) throw new Error('no claims');
    expect(claims.details).toMatchObject({ currentFirmware: '1.51.3', committedFirmware: '1.49.6' });
    expect(refusals(claims, ['milan'])).toEqual([UNCOMMITTED, NO_ALIAS_CHECK]);
  });

  it('the firmware’s message holds the same report', () => {
    const message = sevSnp.parse(bytesOf(`${LIT}/snp_report_msg_resp.bin`));
    const bare = sevSnp.parse(bytesOf(`${LIT}/guest_report.bin`));
    if (!message.ok || !bare.ok) throw new Error('unreadable');
    expect(message.value.report.signed).toHaveLength(672);
    expect(message.value.reportOffset).toBe(32);
    expect(sevSnp.recognises(bytesOf(`${LIT}/snp_report_msg_resp.bin`))).toBe(true);
  });

  // One byte too many; 793 bytes; the message of another request.
  it.each(['guest_report_bad_sig.bin', 'guest_report_corrupt.bin', 'snp_derived_key_msg_resp.bin'])('%s', (file) => {
    expect(outcome(bytesOf(`${LIT}/${file}`), []).failed).toEqual(['E-ATTEST-MALFORMED parse']);
  });

  it('every change of one byte of what the chip signed', () => {
    for (const [index, vector] of genuine.entries()) {
      const evidence = evidenceOf(vector);
      const collateral = collateralOf(vector);
      const step = index < 2 ? 3 : 17;
      for (let at = index % step; at < 672; at += step) {
        const altered = evidence.slice();
        altered[at] = (altered[at] ?? 0) ^ (1 << (at % 8));
        const { claims, failed } = outcome(altered, collateral, { at: vector.at ?? AT });
        expect(claims).toBeNull();
        expect(failed.some((name) => name === 'E-ATTEST-MALFORMED parse' || name.endsWith('report signature'))).toBe(
          true,
        );
      }
    }
  });

  it('every change of one byte of the signature', () => {
    for (const vector of genuine.slice(5, 7)) {
      const evidence = evidenceOf(vector);
      for (let at = 672; at < 1184; at += 5) {
        const altered = evidence.slice();
        altered[at] = (altered[at] ?? 0) ^ 0x80;
        const { failed } = outcome(altered, collateralOf(vector));
        expect(failed).not.toEqual([]);
      }
    }
  });

  it('every truncation, and bytes after the report that are no table', () => {
    for (const vector of genuine) {
      const evidence = bytesOf(vector.file);
      for (let length = 0; length < evidence.length; length += 13) {
        expect(outcome(evidence.subarray(0, length), []).failed).toEqual(['E-ATTEST-MALFORMED parse']);
      }
      expect(outcome(concatBytes(evidence, Buffer.alloc(23)), []).failed).toEqual(['E-ATTEST-MALFORMED parse']);
    }
  });
});
