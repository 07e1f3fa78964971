import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBundle, isBundle, readBundle } from '../../../../lib/attestation/collateral/bundle.ts';
import type { CollateralItem } from '../../../../lib/attestation/collateral/collateral.ts';
import { readCollateral } from '../../../../lib/attestation/collateral/read-collateral.ts';
import { encodeCbor, type CborValue } from '../../../../lib/core/cbor.ts';

const bytes = fc.uint8Array({ maxLength: 40 });
const item = fc.oneof(
  fc.record({ kind: fc.constantFrom('certificate', 'revocation-list', 'ocsp-response'), der: bytes }),
  fc.record({ kind: fc.constant('rim'), text: fc.string({ unit: 'grapheme' }) }),
  fc.record({
    kind: fc.constantFrom('intel-tcb-info', 'intel-qe-identity'),
    text: fc.string(),
    chain: fc.array(bytes, { maxLength: 8 }),
  }),
) as fc.Arbitrary<CollateralItem>;

const asText = (items: readonly CollateralItem[]): string[] =>
  items.map((one) => Buffer.from(encodeCbor({ ...one })).toString('hex'));
const bundleOf = (items: CborValue, type = 'consilium/collateral/v1'): Uint8Array => encodeCbor({ type, items });

describe('a bundle', () => {
  it('holds each item once, as received, whatever the order in which they are given', () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 6 }), (items) => {
        const bundle = encodeBundle(items);
        expect(encodeBundle([...items.toReversed(), ...items])).toEqual(bundle);
        const read = readCollateral(bundle, 'b');
        expect(read.ok && asText(read.value)).toEqual([...new Set(asText(items))].sort());
      }),
    );
  });

  it.each<[string, Uint8Array]>([
    ['of no items', bundleOf([])],
    ['without a list', bundleOf(7)],
    ['of a list of numbers', bundleOf([7])],
    ['of an unknown kind', bundleOf([{ kind: 'secret', der: new Uint8Array(3) }])],
    ['of a certificate as text', bundleOf([{ kind: 'certificate', der: 'AAAA' }])],
    ['of a RIM as bytes', bundleOf([{ kind: 'rim', text: new Uint8Array(3) }])],
    ['of an item with something more', bundleOf([{ kind: 'rim', text: 'x', more: 1 }])],
    ['of an answer without a chain', bundleOf([{ kind: 'intel-tcb-info', text: '{}' }])],
    ['of an answer whose chain is text', bundleOf([{ kind: 'intel-tcb-info', text: '{}', chain: ['x'] }])],
    ['of too long a chain', bundleOf([{ kind: 'intel-tcb-info', text: '', chain: Array(9).fill(new Uint8Array()) }])],
    ['of too many items', bundleOf(Array(4097).fill({ kind: 'rim', text: '' }))],
  ])('%s is refused', (_, file) => {
    expect(isBundle(file)).toBe(true);
    expect(readCollateral(file, 'b.bundle')).toMatchObject({
      ok: false,
      error: { code: 'E-ATTEST-COLLATERAL-INVALID' },
    });
  });

  it('of another version is no bundle, and one with bytes changed anywhere never makes the reader throw', () => {
    expect(isBundle(bundleOf([], 'consilium/collateral/v2'))).toBe(false);
    const whole = encodeBundle([{ kind: 'certificate', der: new Uint8Array(20) }]);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, value, length) => {
        const altered = Uint8Array.from(whole.subarray(0, length));
        if (at < length) altered[at] = value;
        const read = readCollateral(altered, 'b');
        return read.ok || read.error.code === 'E-ATTEST-COLLATERAL-INVALID';
      }),
    );
    expect(readBundle(whole)).toHaveLength(1);
  });
});
