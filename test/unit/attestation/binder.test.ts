import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Binder, type BinderFields } from '../../../lib/attestation/binder.ts';
import { publicationReportData } from '../../../lib/attestation/publication.ts';
import { concatBytes, u64be, utf8 } from '../../../lib/core/bytes.ts';
import { organisationId, type Digest, type PublicKey } from '../../../lib/core/ids.ts';

const bytes = (fill: number, length = 32): Uint8Array => new Uint8Array(length).fill(fill);
const fields: BinderFields = {
  role: 'site',
  exportedKey: bytes(1),
  nonce: bytes(2),
  attestationSequence: 3,
  bootKey: bytes(4) as PublicKey,
  organisation: organisationId('st-anna'),
  contractDigest: bytes(5) as Digest,
  deviceEvidence: null,
  head: { counter: 6, digest: bytes(7) as Digest },
};
const sha512 = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(
    createHash('sha512')
      .update(concatBytes(...parts.flatMap((part) => [u64be(part.length), part])))
      .digest(),
  );

describe('binder (PROTOCOL §4.3)', () => {
  test('is the hash that the protocol writes down', () => {
    expect(new Binder(fields).bytes).toEqual(
      sha512(
        utf8('consilium/attest/v1'),
        utf8('site'),
        bytes(1),
        bytes(2),
        u64be(3),
        bytes(4),
        utf8('st-anna'),
        bytes(5),
        bytes(0, 0),
        u64be(6),
        bytes(7),
      ),
    );
  });

  const changes: [string, Partial<BinderFields>][] = [
    ['role', { role: 'enclave' }],
    ['exported key', { exportedKey: bytes(9) }],
    ['nonce', { nonce: bytes(9) }],
    ['attestation number', { attestationSequence: 4 }],
    ['boot key', { bootKey: bytes(9) as PublicKey }],
    ['organisation', { organisation: organisationId('st-anne') }],
    ['absent organisation', { organisation: null }],
    ['contract', { contractDigest: bytes(9) as Digest }],
    ['device evidence', { deviceEvidence: bytes(9) as Digest }],
    ['head counter', { head: { ...fields.head, counter: 7 } }],
    ['head digest', { head: { ...fields.head, digest: bytes(9) as Digest } }],
  ];
  test.each(changes)('another %s gives another binder', (_, change) => {
    expect(new Binder({ ...fields, ...change }).bytes).not.toEqual(new Binder(fields).bytes);
  });

  test('cannot be altered once made', () => {
    const binder = new Binder(fields);
    const before = binder.bytes;
    binder.bytes.fill(0);
    expect(binder.bytes).toEqual(before);
  });
});

test('publication report data is the hash of PROTOCOL §7.1, and depends on every field', () => {
  const publication = {
    bootKey: bytes(1) as PublicKey,
    contractDigest: bytes(2) as Digest,
    genesisDigest: bytes(3) as Digest,
    headDigest: bytes(4) as Digest,
  };
  expect(publicationReportData(publication)).toEqual(
    sha512(utf8('consilium/boot/v1'), bytes(1), bytes(2), bytes(3), bytes(4)),
  );
  fc.assert(
    fc.property(fc.constantFrom(...(Object.keys(publication) as (keyof typeof publication)[])), (key) => {
      const other = { ...publication, [key]: bytes(9) };
      expect(publicationReportData(other)).not.toEqual(publicationReportData(publication));
    }),
  );
});
