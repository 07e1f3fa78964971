import { describe, expect, test } from 'vitest';
import { earJson } from '../../../../lib/attestation/ear.ts';
import type { EvidenceFormat } from '../../../../lib/attestation/evidence-claims.ts';
import { POLICY_FORMAT, readPolicy } from '../../../../lib/attestation/policy/policy.ts';
import { verifyEvidence, type EvidenceVerdict } from '../../../../lib/attestation/verify-evidence.ts';
import { intelAuthority, intelCollateral, sgxQuote, tdxQuote } from '../../../authorities/intel-authority.ts';
import { nitroAuthority, nitroDocument, register } from '../../../authorities/nitro-authority.ts';

const intel = intelAuthority();
const AT = intel.at.getTime();
const amazon = nitroAuthority(AT);
const roots = { ...intel.roots, nitro: [amazon.root.fingerprint] };

function verdict(format: EvidenceFormat, bytes: Uint8Array, document: object): EvidenceVerdict {
  const policy = readPolicy({ format: POLICY_FORMAT, [format]: document });
  if (!policy.ok) throw new Error(policy.error.map(({ detail }) => detail).join());
  const collateral = format === 'nitro' ? [] : intelCollateral(intel, format === 'sgx' ? 'sgx' : 'tdx');
  return verifyEvidence({ format, bytes, collateral, at: AT, roots, policy: policy.value });
}

const failed = ({ checks }: EvidenceVerdict): string[] =>
  checks.filter(({ passed }) => !passed).map(({ name }) => name);

const value = (byte: string): string[] => [byte.repeat(48)];

/** Somebody else's genuine program, where the policy has a rule that it keeps and that names no program. */
describe("an attacker's own program is not affirmed by a rule that names none", () => {
  const machine = tdxQuote(intel, { mrTd: register(66) });
  const later = tdxQuote(intel, { mrTd: register(66) }, { version: 5 });

  test.each([
    ['nothing, on TD 1.5', later, {}],
    ['no service machine, on TD 1.5', later, { mrServiceTds: value('00') }],
    ["Intel's module", machine, { mrSeams: value('5e') }],
    ["the host's configuration", machine, { mrConfigIds: value('00'), mrOwners: value('00') }],
    ["its own firmware's registers", machine, { rtmr0: value('00'), rtmr1: value('00'), rtmr3: value('00') }],
  ])('TDX: %s', (_, bytes, rules) => {
    const result = verdict('tdx', bytes, rules);
    expect(result.outcome).toBe('refused');
    expect(failed(result)).toEqual(['program']);
  });

  test.each([
    [{ isvProdIds: [1] }],
    [{ minIsvSvn: 3 }],
    [{ configIds: ['00'.repeat(64)], isvFamilyIds: ['00'.repeat(16)], isvExtProdIds: ['00'.repeat(16)] }],
  ])('SGX: %j', (rules) => {
    const result = verdict('sgx', sgxQuote(intel, { mrSigner: Buffer.alloc(32, 66) }), rules);
    expect(result.outcome).toBe('refused');
    expect(failed(result)).toEqual(['program']);
  });

  test.each([[{ 16: '07'.repeat(48) }], [{ 3: '07'.repeat(48) }], [{ 1: '07'.repeat(48) }], [{ 2: '42'.repeat(48) }]])(
    'Nitro: %j',
    (pcrs) => {
      const bytes = nitroDocument(amazon, {
        timestamp: AT,
        pcrs: [0, 2].map((index) => [index, register(66)] as const).concat([1, 3, 16].map((i) => [i, register(7)])),
      });
      const result = verdict('nitro', bytes, { pcrs });
      expect(result.outcome).toBe('refused');
      expect(failed(result)).toEqual(['program']);
    },
  );
});

test('a security version that is too low is no failure of cryptography', () => {
  const result = verdict('sgx', sgxQuote(intel), { mrEnclaves: ['e1'.repeat(32)], minIsvSvn: 5 });
  const vector = earJson(result, 'test').submods['sgx']?.ear_trustworthiness_vector;
  expect(failed(result)).toEqual(['ISVSVN']);
  expect(vector).toMatchObject({ executables: 32, hardware: 2 });
});
