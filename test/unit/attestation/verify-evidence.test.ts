import { describe, expect, test } from 'vitest';
import { earCbor, earJson } from '../../../lib/attestation/ear.ts';
import { readCbor, type StrictCbor } from '../../../lib/attestation/formats/strict-cbor.ts';
import { POLICY_FORMAT, readPolicy, type Policy } from '../../../lib/attestation/policy/policy.ts';
import { VENDOR_ROOTS, type VendorRoots } from '../../../lib/attestation/trust/vendor-roots.ts';
import { verifyEvidence, type EvidenceInputs, type EvidenceVerdict } from '../../../lib/attestation/verify-evidence.ts';
import { nitroAuthority, nitroDocument, register, type DocumentParts } from '../../authorities/nitro-authority.ts';

const AT = Date.parse('2026-06-01T12:00:00Z');
const amazon = nitroAuthority(AT);
const roots: VendorRoots = { ...VENDOR_ROOTS, nitro: [amazon.root.fingerprint] };
const nonce = register(7, 32);
const hex = (byte: number): string => byte.toString(16).padStart(2, '0').repeat(48);

const make = (parts: Partial<DocumentParts> = {}): Uint8Array =>
  nitroDocument(amazon, { timestamp: AT, nonce, userData: register(9, 64), ...parts });

function policy(document: object): Policy {
  const read = readPolicy({ format: POLICY_FORMAT, ...document });
  if (!read.ok) throw new Error(read.error.map(({ detail }) => detail).join());
  return read.value;
}
const expecting = policy({ nitro: { pcrs: { 0: hex(1) } } });

const verify = (inputs: Partial<EvidenceInputs> = {}): EvidenceVerdict =>
  verifyEvidence({ format: 'auto', bytes: make(), collateral: [], at: AT, roots, policy: expecting, ...inputs });

const failed = ({ checks }: EvidenceVerdict): string[] =>
  checks.filter(({ passed }) => !passed).map(({ code, name }) => `${code} ${name}`);

const debug = (): Uint8Array => make({ pcrs: [0, 1, 2].map((index) => [index, register(0)] as const) });

describe('verifying evidence', () => {
  test('affirms what is authentic, bound and as the policy wants', () => {
    const verdict = verify({ expected: { nonce, reportData: register(9, 64) } });
    expect(verdict).toMatchObject({ outcome: 'affirming', format: 'nitro', at: AT, policyId: expecting.id });
    expect(failed(verdict)).toEqual([]);
    expect(verdict.checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Nitro root', 'report data', 'nonce', 'platform', 'debug', 'PCR0']),
    );
    expect(verify({ format: 'nitro' }).outcome).toBe('affirming');
  });

  test('is the same for the same inputs', () => {
    const bytes = make();
    expect(verify({ bytes })).toEqual(verify({ bytes }));
  });

  test('without a policy nothing is appraised, however good or bad the claims', () => {
    const verdict = verify({ policy: null });
    expect(verdict).toMatchObject({ outcome: 'not-appraised', policyId: null });
    expect(verdict.claims?.instance).toBe('i-0fake-enc01');
    expect(verify({ policy: null, bytes: debug() })).toMatchObject({
      outcome: 'not-appraised',
      claims: { debug: true },
    });
  });

  test.each([
    ['another nonce', { nonce: register(8, 32) }],
    ['a nonce that goes on', { nonce: register(7, 33) }],
    ['an empty nonce', { nonce: new Uint8Array(0) }],
    ['other report data', { reportData: register(8, 64) }],
  ])('%s is another session, with and without a policy', (_, expected) => {
    for (const one of [expecting, null]) {
      const verdict = verify({ expected, policy: one });
      expect(verdict.outcome).toBe('not-authentic');
      expect(failed(verdict)).toEqual([expect.stringMatching(/^E-ATTEST-BINDING/)]);
    }
  });

  test('a document without nonce does not have the nonce that was asked for', () => {
    const verdict = verify({ bytes: make({ nonce: null, userData: null }), expected: { nonce, reportData: nonce } });
    expect(failed(verdict)).toEqual(['E-ATTEST-BINDING report data', 'E-ATTEST-BINDING nonce']);
    expect(verdict.checks.find(({ name }) => name === 'nonce')?.got).toBe('none');
    expect(failed(verify({ bytes: make({ nonce: null }), expected: { nonce: new Uint8Array(0) } }))).toHaveLength(1);
  });

  test('debugging is refused unless the policy says simulation', () => {
    const any = { anyProgram: true, nitro: {} };
    expect(failed(verify({ bytes: debug(), policy: policy(any) }))).toEqual(['E-ATTEST-DEBUG debug']);
    expect(verify({ bytes: debug(), policy: policy(any) }).outcome).toBe('refused');
    const accepted = verify({ bytes: debug(), policy: policy({ ...any, simulation: true }) });
    expect(accepted).toMatchObject({ outcome: 'affirming', simulation: true });
    expect(verify({ policy: policy({ ...any, simulation: true }) }).simulation).toBe(false);
  });

  test('a platform that the policy does not allow, and one that it does not speak of', () => {
    expect(failed(verify({ policy: policy({ platforms: ['tdx'], anyProgram: true, nitro: {} }) }))).toEqual([
      'E-ATTEST-PLATFORM platform',
    ]);
    expect(failed(verify({ policy: policy({}) }))).toEqual([
      'E-ATTEST-PLATFORM platform',
      'E-ATTEST-MEASUREMENT program',
    ]);
  });

  test('what is not authentic is never called refused, and shows no claims', () => {
    const verdict = verify({ roots: VENDOR_ROOTS, policy: policy({}) });
    expect(verdict).toMatchObject({ outcome: 'not-authentic', claims: null });
    expect(failed(verdict)).toEqual(['E-ATTEST-SIGNATURE Nitro root']);
  });

  test('bytes of no format, and of another than the one asked for', () => {
    for (const inputs of [
      { bytes: Uint8Array.of(1, 2, 3) },
      { bytes: new Uint8Array() },
      { format: 'nitro', bytes: nonce },
    ]) {
      const verdict = verify(inputs as Partial<EvidenceInputs>);
      expect(verdict).toMatchObject({ outcome: 'not-authentic', claims: null });
      expect(failed(verdict)).toEqual([expect.stringMatching(/^E-ATTEST-MALFORMED/)]);
    }
    expect(verify({ bytes: Uint8Array.of(1) }).format).toBeNull();
  });
});

describe('the result as EAR (draft-ietf-rats-ear-04)', () => {
  const submodule = (verdict: EvidenceVerdict): unknown =>
    Object.values(earJson(verdict, 'test 1'.slice(0, 6)).submods)[0];

  test('an affirming verdict', () => {
    const verdict = verify({ expected: { nonce } });
    expect(earJson(verdict, 'consilium test')).toEqual({
      eat_profile: 'tag:ietf.org,2026:rats/ear#04',
      iat: AT / 1000,
      ear_verifier_id: { developer: 'consilium', build: 'consilium test' },
      submods: {
        nitro: {
          ear_status: 'affirming',
          ear_trustworthiness_vector: {
            'instance-identity': 2,
            hardware: 2,
            configuration: 2,
            executables: 2,
            'runtime-opaque': 2,
          },
          ear_appraisal_policy_ids: [expecting.id],
          eat_nonce: Buffer.from(nonce).toString('base64url'),
          consilium_appraisal: expect.objectContaining({
            outcome: 'affirming',
            at: '2026-06-01T12:00:00.000Z',
          }) as unknown,
        },
      },
    });
  });

  test.each([
    ['not appraised', { policy: null }, 'none', { 'instance-identity': 2, hardware: 2 }],
    [
      'another program',
      { policy: policy({ nitro: { pcrs: { 0: hex(2) } } }) },
      'contraindicated',
      { executables: 33, hardware: 2 },
    ],
    [
      'debugging',
      { bytes: debug(), policy: policy({ anyProgram: true, nitro: {} }) },
      'contraindicated',
      { configuration: 96, 'runtime-opaque': 96 },
    ],
    [
      'debugging in simulation',
      { bytes: debug(), policy: policy({ simulation: true, anyProgram: true, nitro: {} }) },
      'warning',
      { configuration: 32, 'runtime-opaque': 32 },
    ],
    ['an unknown root', { roots: VENDOR_ROOTS }, 'contraindicated', { hardware: 97 }],
    [
      'another machine',
      { policy: policy({ anyProgram: true, nitro: { moduleIds: ['i-1'] } }) },
      'contraindicated',
      { 'instance-identity': 97 },
    ],
    ['an old document', { at: AT + 900_000 }, 'contraindicated', { configuration: 32 }],
    ['another nonce', { expected: { nonce: register(1, 8) } }, 'contraindicated', { hardware: 99, executables: 99 }],
    ['no format', { bytes: nonce }, 'contraindicated', { hardware: 99 }],
  ])('%s', (_, inputs, status, vector) => {
    expect(submodule(verify(inputs))).toMatchObject({ ear_status: status, ear_trustworthiness_vector: vector });
  });

  test('an unknown root claims nothing else', () => {
    expect(submodule(verify({ roots: VENDOR_ROOTS }))).toHaveProperty('ear_trustworthiness_vector', { hardware: 97 });
  });

  test('names every check with what was got and wanted', () => {
    const { checks } = verify();
    expect(submodule(verify())).toMatchObject({
      consilium_appraisal: { checks: checks.map(({ name, got, want }) => ({ name, got, want, result: 'passed' })) },
    });
  });

  test('a nonce of another length than EAT allows is left out', () => {
    for (const [length, kept] of [
      [7, false],
      [8, true],
      [64, true],
      [65, false],
    ] as const) {
      expect('eat_nonce' in (submodule(verify({ bytes: make({ nonce: register(5, length) }) })) as object)).toBe(kept);
    }
  });

  test('in CBOR it has the labels of the draft, in deterministic order', () => {
    const bytes = earCbor(verify(), 'consilium test');
    expect(earCbor(verify(), 'consilium test')).toEqual(bytes);
    const map = readCbor(bytes, { maxDepth: 12, maxItems: 1000 }) as ReadonlyMap<number, StrictCbor>;
    expect([...map.keys()]).toEqual([6, 265, 266, 1004]);
    expect(map.get(265)).toBe('tag:ietf.org,2026:rats/ear#04');
    expect(map.get(1004)).toEqual(
      new Map([
        [0, 'consilium'],
        [1, 'consilium test'],
      ]),
    );
    const nitro = (map.get(266) as ReadonlyMap<string, ReadonlyMap<number, StrictCbor>>).get('nitro');
    expect([...(nitro?.keys() ?? [])]).toEqual([10, 1000, 1001, 1003, -75001]);
    expect(nitro?.get(1000)).toBe(2);
    expect(nitro?.get(1001)).toEqual(
      new Map([
        [0, 2],
        [1, 2],
        [2, 2],
        [4, 2],
        [5, 2],
      ]),
    );
    expect(Uint8Array.from(nitro?.get(10) as Uint8Array)).toEqual(nonce);
    expect((nitro?.get(-75001) as ReadonlyMap<string, StrictCbor>).get('outcome')).toBe('affirming');
  });
});
