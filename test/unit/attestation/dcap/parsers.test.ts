import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCollateral } from '../../../../lib/attestation/collateral/read-collateral.ts';
import { readSignedJson } from '../../../../lib/attestation/dcap/intel-json.ts';
import { readQeIdentity } from '../../../../lib/attestation/dcap/qe-identity.ts';
import { readTcbInfo } from '../../../../lib/attestation/dcap/tcb-info.ts';
import { readPckPlatform } from '../../../../lib/attestation/dcap/pck-platform.ts';
import { total } from '../../../../lib/attestation/formats/malformed.ts';
import { sgx } from '../../../../lib/attestation/sgx/sgx.ts';
import { tdx } from '../../../../lib/attestation/tdx/tdx.ts';
import { parseCertificate } from '../../../../lib/attestation/x509/certificate.ts';
import { intelAuthority, intelCollateral, sgxQuote, tdxQuote } from '../../../authorities/intel-authority.ts';

const intel = intelAuthority();
const inputs = { at: intel.at.getTime(), roots: intel.roots, revocation: 'required' } as const;

/** `base` with a few bytes overwritten, cut out or put in. */
const mutated = (base: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc
    .array(fc.tuple(fc.nat(base.length), fc.nat(8), fc.uint8Array({ maxLength: 8 })), { minLength: 1, maxLength: 4 })
    .map((edits) =>
      edits.reduce<Uint8Array>(
        (bytes, [at, cut, put]) => Uint8Array.from([...bytes.subarray(0, at), ...put, ...bytes.subarray(at + cut)]),
        base,
      ),
    );

describe.each([
  [sgx, sgxQuote(intel), intelCollateral(intel, 'sgx')],
  [tdx, tdxQuote(intel, {}, { version: 5 }), intelCollateral(intel, 'tdx')],
] as const)('hostile quotes', (module, quote, collateral) => {
  it(`${module.format}: a typed failure, never a throw, and never authentic if the signed part changed`, () => {
    fc.assert(
      fc.property(fc.oneof(mutated(quote), fc.uint8Array({ maxLength: 2000 })), (bytes) => {
        const parsed = module.parse(bytes);
        if (!parsed.ok) return parsed.error.code === 'E-ATTEST-MALFORMED';
        module.fields(parsed.value);
        const { claims } = module.authenticate(parsed.value, { ...inputs, collateral });
        const same = Buffer.from(parsed.value.signed).equals(quote.subarray(0, parsed.value.signed.length));
        return claims === null || same;
      }),
      { numRuns: 250 },
    );
  });

  it(`${module.format}: hostile collateral`, () => {
    const parsed = module.parse(quote);
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const answers = collateral.flatMap((item) => ('text' in item && 'chain' in item ? [item] : []));
    fc.assert(
      fc.property(
        fc.constantFrom(...answers),
        fc.nat(4000),
        fc.string({ maxLength: 6 }),
        fc.nat(3),
        (item, at, put, cut) => {
          const text = item.text.slice(0, at) + put + item.text.slice(at + cut);
          const changed = collateral.map((one) => (one === item ? { ...item, text } : one));
          const { claims } = module.authenticate(parsed.value, { ...inputs, collateral: changed });
          return claims === null || text.trim() === item.text || text.includes(item.text.slice(11, -145));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('hostile parts', () => {
  it('signed JSON', () => {
    const members = ['tcbInfo', 'enclaveIdentity'] as const;
    fc.assert(
      fc.property(fc.constantFrom(...members), fc.jsonValue(), (member, value) => {
        const text = `{"${member}":${JSON.stringify(value)},"signature":"${'0'.repeat(128)}"}`;
        const read = total('answer', () => {
          const { value: object } = readSignedJson(text, member);
          return member === 'tcbInfo' ? readTcbInfo(object) : readQeIdentity(object);
        });
        return !read.ok;
      }),
      { numRuns: 500 },
    );
  });

  it('the SGX extension', () => {
    fc.assert(
      fc.property(mutated(intel.pck.certificate), (bytes) => {
        const parsed = parseCertificate(bytes);
        if (parsed.ok) total('PCK', () => readPckPlatform(parsed.value));
      }),
      { numRuns: 500 },
    );
  });

  it('collateral files', () => {
    const bases = [
      intel.ca.certificate,
      Buffer.from('{"tcb_info":"{}","pck_crl":"00"}'),
      Buffer.from('-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----'),
    ];
    for (const base of bases) {
      fc.assert(
        fc.property(mutated(base), (bytes) => {
          const read = readCollateral(bytes);
          return read.ok || read.error.code === 'E-ATTEST-COLLATERAL-INVALID';
        }),
        { numRuns: 300 },
      );
    }
  });

  it('a quote larger than 64 KiB is not read', () => {
    expect(sgx.parse(new Uint8Array(64 * 1024 + 1))).toMatchObject({ ok: false, error: { detail: /64 KiB/ } });
  });
});
