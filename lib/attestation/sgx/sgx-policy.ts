import type { Check } from '../attestation-result.ts';
import { appraiseDcap, DCAP_KEYS, mustBe, oneOf } from '../dcap/dcap-policy.ts';
import { bitOf, SGX_ATTRIBUTE } from '../dcap/enclave-report.ts';
import { fromHex } from '../../core/bytes.ts';
import { flag, hexStrings, section, wholeNumber, wholeNumbers, type SectionValues } from '../policy/policy-section.ts';
import type { SgxClaims } from './sgx.ts';

const XFRM_OFFSET_BITS = 64;

export const SGX_POLICY = section(
  'sgx',
  'Intel SGX enclaves. Name the program by `mrEnclaves`, or by `mrSigners` with `isvProdIds` and `minIsvSvn`; every key that is given must hold.',
  {
    mrEnclaves: hexStrings(32, {
      about: 'MRENCLAVE: the hash of the program and its layout, as the reproducible build prints it.',
      fallback: null,
      otherwise: 'any',
      example: `[${'a39d532e6ac90f0c'.repeat(4)}]`,
    }),
    mrSigners: hexStrings(32, {
      about:
        'MRSIGNER: the hash of the key that signed the program. Whoever holds that key can sign another program: give `isvProdIds` and `minIsvSvn` as well.',
      fallback: null,
      otherwise: 'any',
      example: `[${'9affcfae47b80f0c'.repeat(4)}]`,
    }),
    isvProdIds: wholeNumbers(0, 0xffff, {
      about: "ISVPRODID: which of the signer's programs it may be.",
      fallback: [],
      otherwise: 'any',
      example: '[1]',
    }),
    minIsvSvn: wholeNumber(0, 0xffff, {
      about: "ISVSVN: the program's least security version, by its signer's count.",
      fallback: 0,
      otherwise: '0',
      example: '3',
    }),
    configIds: hexStrings(64, {
      about: 'CONFIGID, given by the host at launch and fixed since (Key Separation and Sharing).',
      fallback: null,
      otherwise: 'any',
      example: `[${'c0'.repeat(64)}]`,
    }),
    minConfigSvn: wholeNumber(0, 0xffff, {
      about: 'CONFIGSVN: the least security version of that configuration.',
      fallback: 0,
      otherwise: '0',
      example: '1',
    }),
    isvFamilyIds: hexStrings(16, {
      about: 'ISVFAMILYID (Key Separation and Sharing).',
      fallback: null,
      otherwise: 'any',
      example: '[fa000000000000000000000000000001]',
    }),
    isvExtProdIds: hexStrings(16, {
      about: 'ISVEXTPRODID (Key Separation and Sharing).',
      fallback: null,
      otherwise: 'any',
      example: '[fa000000000000000000000000000001]',
    }),
    requiredXfrmBits: wholeNumbers(0, 63, {
      about:
        'Bits of ATTRIBUTES.XFRM that must be set: the processor state (x87 0, SSE 1, AVX 2, AVX-512 5 to 7) that an enclave saves itself.',
      fallback: [],
      otherwise: 'none',
      example: '[0, 1]',
    }),
    allowProvisionKey: flag({
      about:
        'Whether the enclave may derive the provisioning key, which names the machine. Applications never need it.',
      fallback: false,
      otherwise: 'false',
      example: 'true',
    }),
    allowEinittokenKey: flag({
      about: 'Whether the enclave may derive the launch key. Applications never need it.',
      fallback: false,
      otherwise: 'false',
      example: 'true',
    }),
    ...DCAP_KEYS,
  },
);

/** Debug is the caller's to judge. */
export function appraiseSgx(claims: SgxClaims, policy: SectionValues<typeof SGX_POLICY.keys>, at: number): Check[] {
  const measured = (name: string, value: string, want: readonly string[] | null): Check[] =>
    oneOf(name, 'E-ATTEST-MEASUREMENT', [value], want);
  // Numbers and ids that any signer may give its enclave: without MRENCLAVE or MRSIGNER they name no program.
  const numbered = (name: string, value: string, want: readonly string[] | null): Check[] =>
    oneOf(name, 'E-ATTEST-POLICY', [value], want);
  const attributes = fromHex(claims.attributes) ?? new Uint8Array();
  const lacking = policy.requiredXfrmBits.filter((bit) => !bitOf(attributes, XFRM_OFFSET_BITS + bit));
  const attribute = (name: string, bit: number, allowed: boolean): Check[] =>
    allowed ? [] : [mustBe(name, !bitOf(attributes, bit), 'set', 'not set')];
  return [
    ...measured('MRENCLAVE', claims.measurements.MRENCLAVE, policy.mrEnclaves),
    ...measured('MRSIGNER', claims.measurements.MRSIGNER, policy.mrSigners),
    ...numbered(
      'ISVPRODID',
      `${claims.isvProdId}`,
      policy.isvProdIds.length === 0 ? null : policy.isvProdIds.map((id) => `${id}`),
    ),
    ...atLeast('ISVSVN', claims.isvSvn, policy.minIsvSvn),
    ...numbered('CONFIGID', claims.configId, policy.configIds),
    ...atLeast('CONFIGSVN', claims.configSvn, policy.minConfigSvn),
    ...numbered('ISVFAMILYID', claims.isvFamilyId, policy.isvFamilyIds),
    ...numbered('ISVEXTPRODID', claims.isvExtProdId, policy.isvExtProdIds),
    mustBe('INIT', bitOf(attributes, SGX_ATTRIBUTE.init), 'not set', 'set'),
    ...attribute('PROVISION_KEY', SGX_ATTRIBUTE.provisionKey, policy.allowProvisionKey),
    ...attribute('EINITTOKEN_KEY', SGX_ATTRIBUTE.einittokenKey, policy.allowEinittokenKey),
    ...(policy.requiredXfrmBits.length === 0
      ? []
      : [mustBe('XFRM', lacking.length === 0, `bits ${lacking.join(', ')} not set`, 'the required bits set')]),
    ...appraiseDcap(claims, policy, at),
  ];
}

const atLeast = (name: string, got: number, least: number): Check[] =>
  least === 0 ? [] : [{ name, code: 'E-ATTEST-SVN', passed: got >= least, got: `${got}`, want: `at least ${least}` }];
