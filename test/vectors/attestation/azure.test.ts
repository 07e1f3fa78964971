import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Check } from '../../../lib/attestation/attestation-result.ts';
import type { AuthenticationInputs } from '../../../lib/attestation/authentication.ts';
import type { AzureClaims } from '../../../lib/attestation/azure/authenticate.ts';
import { azure } from '../../../lib/attestation/azure/azure.ts';
import type { Collateral } from '../../../lib/attestation/collateral/collateral.ts';
import { readSection } from '../../../lib/attestation/policy/policy-section.ts';
import { VENDOR_ROOTS } from '../../../lib/attestation/trust/vendor-roots.ts';
import { utf8 } from '../../../lib/core/bytes.ts';
import { everyIntelItem } from './dcap-vectors.ts';
import { evidenceVectorsAbsent, vectorBytes, vectorFiles, vectorText } from './evidence-vectors.ts';

const TRUSTEE = 'azure/confidential-containers+trustee/deps/verifier/test_data';
const RS = 'azure/confidential-dot-ai+attestation-rs/crates/attestation/test_data';
const KINVOLK = 'azure/kinvolk+azure-cvm-tooling/az-cvm-vtpm/test';
const KDS = 'roots/confidential-dot-ai+attestation-rs/crates/attestation/certs/amd';
const text = (word: string): string => Buffer.from(word).toString('hex');

interface Genuine {
  readonly file: string;
  readonly at: string;
  readonly processor: 'milan' | 'genoa' | 'tdx';
  readonly nonce: string;
  /** First bytes of PCR 4 and of the machine's id. */
  readonly vm: string;
  readonly userData: string;
  readonly missing?: readonly string[];
  /** What the fallback policy says against it, with its product allowed. */
  readonly refused?: readonly string[];
}

const NO_USER_DATA = '00'.repeat(64);
const NO_ALIAS_CHECK = 'E-ATTEST-POLICY alias check';
const UNCOMMITTED = 'E-ATTEST-TCB provisional firmware';
const OLD_TDX = ['E-ATTEST-POLICY SEPT_VE_DISABLE', 'E-ATTEST-TCB TCB status', 'E-ATTEST-TCB advisories'];

const genuine: readonly Genuine[] = [
  {
    file: `${TRUSTEE}/az-snp-vtpm/evidence-v0.json`,
    at: '2026-02-20',
    processor: 'milan',
    nonce: text('challenge'),
    vm: '26F8BC30',
    userData: NO_USER_DATA,
  },
  {
    file: `${TRUSTEE}/az-snp-vtpm/evidence-v1.json`,
    at: '2026-02-20',
    processor: 'milan',
    nonce: text('challenge'),
    vm: '26F8BC30',
    userData: NO_USER_DATA,
  },
  {
    file: `${TRUSTEE}/az-snp-vtpm/evidence-v2.json`,
    at: '2026-02-20',
    processor: 'milan',
    nonce: '982f5c6e45df0ed3',
    vm: '7DF7B373',
    userData: '982F5C6E45DF0ED3',
  },
  // The manifest says "parsed only"; it verifies like the others.
  {
    file: `${TRUSTEE}/az-snp-vtpm/evidence-genoa.json`,
    at: '2026-02-20',
    processor: 'genoa',
    nonce: '0218488bae25d250',
    vm: '',
    userData: '',
  },
  {
    file: `${RS}/az_snp/evidence-v1.json`,
    at: '2026-02-20',
    processor: 'milan',
    nonce: text('challenge'),
    vm: '911B0EF8',
    userData: NO_USER_DATA,
    // A report of version 2 by firmware that is not committed.
    refused: [UNCOMMITTED, NO_ALIAS_CHECK],
  },
  {
    file: `${RS}/az_snp/live-evidence.json`,
    at: '2026-06-01',
    processor: 'milan',
    nonce: text('attestation-test-fixture').slice(0, 16),
    vm: '02FE12EC',
    userData: NO_USER_DATA,
  },
  {
    file: `${RS}/az_snp/milan-v3-attestation.json`,
    at: '2026-06-01',
    processor: 'milan',
    nonce: '',
    vm: 'D62DE809',
    userData: NO_USER_DATA,
  },
  {
    file: `${TRUSTEE}/az-tdx-vtpm/evidence-v0.json`,
    at: '2025-06-25',
    processor: 'tdx',
    nonce: text('challenge'),
    vm: '6332533D',
    userData: NO_USER_DATA,
    refused: OLD_TDX,
  },
  {
    file: `${TRUSTEE}/az-tdx-vtpm/evidence-v1.json`,
    at: '2025-06-25',
    processor: 'tdx',
    nonce: text('challenge'),
    vm: '6332533D',
    userData: NO_USER_DATA,
    refused: OLD_TDX,
  },
  {
    file: `${RS}/az_tdx/evidence-v1.json`,
    at: '2025-06-25',
    processor: 'tdx',
    nonce: text('challenge'),
    vm: '6332533D',
    userData: NO_USER_DATA,
    refused: OLD_TDX,
  },
  {
    file: `${RS}/az_tdx/live-evidence.json`,
    at: '2026-02-20',
    processor: 'tdx',
    nonce: text('attestation-test-fixture').slice(0, 16),
    vm: '69047f12',
    userData: '6174746573746174',
  },
];

const intel = evidenceVectorsAbsent ? [] : everyIntelItem();
const readAuthorities = (product: string): Collateral =>
  ['ark', 'ask', 'asvk'].map((name) => ({ kind: 'certificate', der: vectorBytes(`${KDS}/${product}/${name}.der`) }));
const [milanAuthorities, genoaAuthorities] = evidenceVectorsAbsent ? [[], []] : ['milan', 'genoa'].map(readAuthorities);
const authorities = (product: string): Collateral => (product === 'milan' ? milanAuthorities : genoaAuthorities) ?? [];
const collateralFor = ({ processor }: Genuine): Collateral => (processor === 'tdx' ? intel : authorities(processor));

interface Outcome {
  readonly claims: AzureClaims | null;
  readonly failed: readonly string[];
  readonly missing: readonly string[];
}

function outcome(bytes: Uint8Array, inputs: Partial<AuthenticationInputs>): Outcome {
  const parsed = azure.parse(bytes);
  if (!parsed.ok) return { claims: null, failed: [`${parsed.error.code} parse`], missing: [] };
  const { claims, checks } = azure.authenticate(parsed.value, {
    at: 0,
    roots: VENDOR_ROOTS,
    collateral: [],
    revocation: 'accept-absent',
    ...inputs,
  });
  return {
    claims,
    failed: named(checks.filter(({ passed, missing }) => !passed && missing !== true)),
    missing: named(checks.filter(({ missing }) => missing === true)),
  };
}

/** Without collateral, which the parts of the wrapper do not need and which takes longest. */
const bare = (vector: Genuine, bytes: Uint8Array): Outcome =>
  vector.processor === 'tdx' ? outcome(bytes, { at: Date.parse(vector.at) }) : outcomeOf(vector, bytes);

const named = (checks: readonly Check[]): string[] => checks.map(({ code, name }) => `${code} ${name}`);

const outcomeOf = (vector: Genuine, bytes = vectorBytes(vector.file)): Outcome =>
  outcome(bytes, { at: Date.parse(vector.at), collateral: collateralFor(vector) });

function refusals(claims: AzureClaims, policy: Readonly<Record<string, unknown>>, at: number): string[] {
  const values = readSection(azure.policy, policy);
  if (!values.ok) throw new Error(values.error.join('; '));
  return named(azure.appraise(claims, values.value, at).filter(({ passed }) => !passed));
}

/** The evidence with one part of its JSON changed. */
function altered({ file }: Pick<Genuine, 'file'>, change: (parts: Record<string, unknown>) => void): Uint8Array {
  const whole = JSON.parse(vectorText(file)) as Record<string, unknown>;
  change((whole['evidence'] ?? whole) as Record<string, unknown>);
  return utf8(JSON.stringify(whole));
}

const flipped = (base64: unknown, at: number): string => {
  const bytes = Buffer.from(String(base64), 'base64url');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('base64url');
};
type Quote = Record<'message' | 'signature', string> & { pcrs: string[] };
const quoteIn = (parts: Record<string, unknown>): Quote => parts['tpm_quote'] as Quote;

const snp = genuine[5];
const td = genuine[10];
if (snp === undefined || td === undefined) throw new Error('no vectors');

describe.skipIf(evidenceVectorsAbsent)('Azure evidence of real machines', () => {
  it('is all in this table', () => {
    const files = vectorFiles('azure', /evidence.*\.json$|attestation\.json$/);
    expect(files).toEqual(genuine.map(({ file }) => file).sort());
  });

  it.each(genuine)('$file is authentic', (vector) => {
    const { claims, failed, missing } = outcomeOf(vector);
    expect({ failed, missing }).toEqual({ failed: [], missing: [] });
    if (claims === null) throw new Error('no claims');
    expect(claims.processor.format).toBe(vector.processor === 'tdx' ? 'tdx' : 'sev-snp');
    expect(Buffer.from(claims.nonce ?? []).toString('hex')).toMatch(new RegExp(`^${vector.nonce}`));
    expect((claims.nonce ?? []).length === 0).toBe(vector.nonce === '');
    expect(claims.pcrs.size).toBe(24);
    expect(claims.secureBoot).toBe(true);
    expect(claims.vmId).toMatch(new RegExp(`^${vector.vm}`));
    expect(claims.reportData).toBeNull();
    expect(claims.debug).toBe(false);
    expect(claims.details).toMatchObject({
      userData: expect.stringMatching(new RegExp(`^${vector.userData}`)) as unknown,
    });
    expect(refusals(claims, { 'sev-snp': { products: ['milan', 'genoa'] } }, Date.parse(vector.at))).toEqual(
      vector.refused ?? [],
    );
    expect(azure.recognises(vectorBytes(vector.file))).toBe(true);
  });

  it.each(genuine)('$file shows its fields', ({ file }) => {
    const parsed = azure.parse(vectorBytes(file));
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const fields = azure.fields(parsed.value);
    expect(fields.length).toBeGreaterThan(60);
    expect(fields.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['hcl.HCLAkPub', 'tpm.extraData', 'tpm.pcr23']),
    );
  });

  it.each([
    [`${TRUSTEE}/az-snp-vtpm/hcl-report.bin`, '2026-02-20', 'milan'],
    [`${KINVOLK}/hcl-report-snp.bin`, '2026-02-20', 'milan'],
  ] as const)('%s alone lacks a TPM quote and its VCEK', (file, at, product) => {
    const { failed, missing } = outcome(vectorBytes(file), { at: Date.parse(at), collateral: authorities(product) });
    expect(failed).toEqual([]);
    expect(missing).toEqual(
      expect.arrayContaining(['E-ATTEST-COLLATERAL VCEK certificate', 'E-ATTEST-COLLATERAL TPM quote']),
    );
  });

  it.each([`${TRUSTEE}/az-tdx-vtpm/hcl-report.bin`, `${KINVOLK}/hcl-report-tdx.bin`])(
    '%s alone lacks a TPM quote and a TDX quote',
    (file) => {
      const { claims, failed, missing } = outcome(vectorBytes(file), {
        at: Date.parse('2025-06-25'),
        collateral: intel,
      });
      expect({ claims, failed, missing }).toEqual({
        claims: null,
        failed: [],
        missing: ['E-ATTEST-COLLATERAL TDX quote', 'E-ATTEST-COLLATERAL TPM quote'],
      });
    },
  );

  it('the instance metadata service gives the same VCEK as the evidence', () => {
    const without = altered(snp, (parts) => delete parts['vcek']);
    const given = ['imds-vcek.der', 'imds-chain-0.der', 'imds-chain-1.der'].map((name) => ({
      kind: 'certificate' as const,
      der: vectorBytes(`${RS}/az_snp/${name}`),
    }));
    expect(outcome(without, { at: Date.parse(snp.at), collateral: given })).toMatchObject({ failed: [], missing: [] });
  });
});

describe.skipIf(evidenceVectorsAbsent)('Azure evidence that must be refused', () => {
  it('variable data with another attestation key', () => {
    const { failed } = outcomeOf(
      snp,
      altered(snp, (parts) => {
        const other = JSON.parse(vectorText(`${RS}/az_snp/milan-v3-attestation.json`)) as {
          evidence: { hcl_report: string };
        };
        const mine = Buffer.from(String(parts['hcl_report']), 'base64url');
        const theirs = Buffer.from(other.evidence.hcl_report, 'base64url');
        parts['hcl_report'] = Buffer.concat([mine.subarray(0, 1216), theirs.subarray(1216)]).toString('base64url');
      }),
    );
    expect(failed).toEqual(['E-ATTEST-MISMATCH variable data', 'E-ATTEST-SIGNATURE TPM quote signature']);
  });

  it.each([
    ['a byte of the processor’s report', 32 + 0x90, 'E-ATTEST-SIGNATURE report signature'],
    ['its report data', 32 + 0x50, 'E-ATTEST-MISMATCH variable data'],
    ['its privilege level', 32 + 0x30, 'E-ATTEST-MISMATCH paravisor'],
    ['the secure boot flag', -1, 'E-ATTEST-MISMATCH variable data'],
  ])('%s changed', (_, at, want) => {
    const { failed } = outcomeOf(
      snp,
      altered(snp, (parts) => {
        const place =
          at >= 0 ? at : Buffer.from(String(parts['hcl_report']), 'base64url').indexOf('"secure-boot":true') + 15;
        parts['hcl_report'] = flipped(parts['hcl_report'], place);
      }),
    );
    expect(failed.some((name) => name === want || name === 'E-ATTEST-MALFORMED parse')).toBe(true);
  });

  it('a TPM quote of another machine', () => {
    const { failed } = outcomeOf(
      snp,
      altered(snp, (parts) => {
        parts['tpm_quote'] = (
          JSON.parse(vectorText(`${TRUSTEE}/az-snp-vtpm/evidence-v1.json`)) as Record<string, unknown>
        )['tpm_quote'];
      }),
    );
    expect(failed).toEqual(['E-ATTEST-SIGNATURE TPM quote signature']);
  });

  it('a register that the TPM did not quote', () => {
    for (const index of [0, 4, 23]) {
      const { failed } = outcomeOf(
        snp,
        altered(snp, (parts) => {
          const { pcrs } = quoteIn(parts);
          pcrs[index] = '11'.repeat(32);
        }),
      );
      expect(failed).toEqual(['E-ATTEST-MISMATCH TPM registers']);
    }
  });

  it('registers in another order, fewer or more', () => {
    const change = (edit: (pcrs: string[]) => void) =>
      outcomeOf(
        snp,
        altered(snp, (parts) => {
          edit(quoteIn(parts).pcrs);
        }),
      ).failed;
    expect(change((pcrs) => pcrs.reverse())).toEqual(['E-ATTEST-MISMATCH TPM registers']);
    expect(change((pcrs) => pcrs.pop())).toEqual(['E-ATTEST-MALFORMED parse']);
    expect(change((pcrs) => pcrs.push('00'.repeat(32)))).toEqual(['E-ATTEST-MALFORMED parse']);
    expect(change((pcrs) => pcrs.splice(0, 1, '00'))).toEqual(['E-ATTEST-MALFORMED parse']);
  });

  it('every change of a byte of the TPM quote and its signature', () => {
    for (const vector of [snp, td]) {
      const { message, signature } = quoteIn(partsOf(vector));
      for (const [name, hex] of [
        ['message', message],
        ['signature', signature],
      ] as const) {
        for (let at = 0; at < hex.length / 2; at += name === 'message' ? 3 : 17) {
          const bytes = Buffer.from(hex, 'hex');
          bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
          const { claims, failed } = bare(
            vector,
            altered(vector, (parts) => {
              quoteIn(parts)[name] = bytes.toString('hex');
            }),
          );
          expect(claims).toBeNull();
          expect(failed.some((code) => code.endsWith('TPM quote signature') || code.endsWith('parse'))).toBe(true);
        }
      }
    }
  });

  it('every change of a byte of the HCL report', () => {
    for (const vector of [snp, td]) {
      for (let at = 0; at < 2600; at += 37) {
        // 12 to 15 is the request type, which nothing depends on; a TDREPORT ends with a MAC for its own machine.
        if (at >= 12 && at < 16) continue;
        const { claims, failed } = bare(
          vector,
          altered(vector, (parts) => {
            parts['hcl_report'] = flipped(parts['hcl_report'], at);
          }),
        );
        const unverifiable = vector === td && at >= 32 && at < 32 + 1024 && failed.length === 0;
        if (unverifiable) expect(inQuote(at - 32)).toBe(false);
        else expect(claims).toBeNull();
      }
    }
  });

  it('a TDX quote of another machine', () => {
    const { failed } = outcome(
      altered(td, (parts) => {
        parts['td_quote'] = Buffer.from(vectorBytes(`${TRUSTEE}/az-tdx-vtpm/td-quote.bin`)).toString('base64');
      }),
      { at: Date.parse('2025-06-25'), collateral: intel },
    );
    expect(failed).toContain('E-ATTEST-MISMATCH TDREPORT');
  });

  it.each(genuine)('$file truncated', ({ file }) => {
    const bytes = vectorBytes(file);
    for (let length = 0; length < bytes.length - 2; length += 397) {
      expect(outcome(bytes.subarray(0, length), {}).failed).toEqual(['E-ATTEST-MALFORMED parse']);
    }
  });

  it('other wrappers, and JSON that is something else', () => {
    for (const wrong of [
      '{}',
      '[]',
      'null',
      '{"hcl_report":7}',
      '{"hcl_report":"SENMQQ","tpm_quote":{"pcrs":[]}}',
      '{"report":[256]}',
    ]) {
      expect(outcome(utf8(wrong), {}).failed).toEqual(['E-ATTEST-MALFORMED parse']);
    }
    expect(outcome(new Uint8Array(300_000).fill(0x20), {}).failed).toEqual(['E-ATTEST-MALFORMED parse']);
    expect(azure.recognises(vectorBytes(`${TRUSTEE}/az-tdx-vtpm/td-quote.bin`))).toBe(false);
    expect(azure.recognises(utf8('{"attestation_report":"","pcrs":[]}'))).toBe(false);
  });

  it('never throws, whatever the bytes', () => {
    const hcl = Buffer.from(String(partsOf(snp)['hcl_report']), 'base64url');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(hcl.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.array(fc.tuple(fc.nat(160), fc.nat(255)), { maxLength: 3 }),
        (changes, quoteChanges) => {
          const bytes = altered(snp, (parts) => {
            const report = Buffer.from(hcl);
            for (const [at, byte] of changes) report[at] = byte;
            parts['hcl_report'] = report.toString('base64url');
            const message = Buffer.from(quoteIn(parts).message, 'hex');
            for (const [at, byte] of quoteChanges) if (at < message.length) message[at] = byte;
            quoteIn(parts).message = message.toString('hex');
          });
          const parsed = azure.parse(bytes);
          if (parsed.ok) azure.fields(parsed.value);
          expect(bare(snp, bytes).failed.every((name) => name.startsWith('E-ATTEST-'))).toBe(true);
        },
      ),
      { numRuns: 120 },
    );
  });
});

const partsOf = ({ file }: Pick<Genuine, 'file'>): Record<string, unknown> => {
  const whole = JSON.parse(vectorText(file)) as Record<string, unknown>;
  return (whole['evidence'] ?? whole) as Record<string, unknown>;
};

const inQuote = (at: number): boolean => (at >= 264 && at < 384) || (at >= 512 && at < 912) || (at >= 128 && at < 192);

describe.skipIf(evidenceVectorsAbsent)('the policy section azure', () => {
  const at = Date.parse('2026-02-20');
  const claimsOf = (vector: Genuine): AzureClaims => {
    const { claims } = outcomeOf(vector);
    if (claims === null) throw new Error('no claims');
    return claims;
  };
  const milan = { products: ['milan'] };
  const other = '99'.repeat(32);

  it('holds the processor to the rules inside it', () => {
    const claims = claimsOf(snp);
    expect(refusals(claims, {}, at)).toEqual(['E-ATTEST-POLICY product']);
    expect(refusals(claims, { 'sev-snp': { ...milan, singleSocket: true } }, at)).toEqual([
      'E-ATTEST-POLICY single socket',
    ]);
    expect(refusals(claimsOf(td), { tdx: { tcbStatuses: ['UpToDate'] } }, at)).toEqual([]);
    expect(refusals(claims, { processors: ['tdx'], 'sev-snp': milan }, at)).toEqual(['E-ATTEST-POLICY processor']);
    expect(refusals(claimsOf(td), { processors: ['sev-snp'] }, at)).toEqual(['E-ATTEST-POLICY processor']);
  });

  it('compares registers, and wants paravisor and registers named together', () => {
    const claims = claimsOf(snp);
    const { MEASUREMENT: measurement } = claims.measurements;
    const pcrs = { 4: claims.pcrs.get(4), 23: [other, claims.pcrs.get(23)] };
    const named = { ...milan, measurements: [measurement] };
    expect(refusals(claims, { 'sev-snp': named, pcrs }, at)).toEqual([]);
    expect(refusals(claims, { 'sev-snp': named, pcrs: { 4: other } }, at)).toEqual(['E-ATTEST-MEASUREMENT PCR4']);
    expect(refusals(claims, { 'sev-snp': named }, at)).toEqual(['E-ATTEST-MEASUREMENT reference values']);
    expect(refusals(claims, { 'sev-snp': milan, pcrs }, at)).toEqual(['E-ATTEST-MEASUREMENT reference values']);
    expect(refusals({ ...claims, pcrs: new Map() }, { 'sev-snp': named, pcrs: { 4: other } }, at)).toEqual([
      'E-ATTEST-MEASUREMENT PCR4',
    ]);
  });

  it('wants secure boot, and knows the machine', () => {
    const claims = claimsOf(snp);
    const vmId = claims.vmId ?? '';
    expect(refusals({ ...claims, secureBoot: false }, { 'sev-snp': milan }, at)).toEqual([
      'E-ATTEST-POLICY secure boot',
    ]);
    expect(refusals({ ...claims, secureBoot: null }, { 'sev-snp': milan }, at)).toEqual([
      'E-ATTEST-POLICY secure boot',
    ]);
    expect(refusals({ ...claims, secureBoot: false }, { 'sev-snp': milan, secureBoot: false }, at)).toEqual([]);
    expect(refusals(claims, { 'sev-snp': milan, virtualMachines: [vmId.toLowerCase()] }, at)).toEqual([]);
    expect(refusals(claims, { 'sev-snp': milan, virtualMachines: ['x'] }, at)).toEqual([
      'E-ATTEST-INSTANCE virtual machine',
    ]);
    expect(refusals({ ...claims, vmId: null }, { 'sev-snp': milan, virtualMachines: [vmId] }, at)).toEqual([
      'E-ATTEST-INSTANCE virtual machine',
    ]);
  });

  it.each<[string, unknown]>([
    ['pcrs', {}],
    ['pcrs', { 24: other }],
    ['pcrs', { '01': other }],
    ['pcrs', { 1: 'zz' }],
    ['pcrs', [other]],
    ['sev-snp', { product: ['milan'] }],
    ['sev-snp', 7],
    ['processors', ['sgx']],
  ])('%s: %j is no policy', (name, value) => {
    const read = readSection(azure.policy, { [name]: value });
    expect(read.ok ? [] : read.error).toEqual([expect.stringContaining(`azure.${name}: `)]);
  });
});
