import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCertificate, type Certificate } from '../../../../lib/attestation/x509/certificate.ts';
import { parseOcspResponse } from '../../../../lib/attestation/x509/ocsp-response.ts';
import { ocspVerdict } from '../../../../lib/attestation/x509/ocsp-status.ts';
import { OCSP_SIGNING, ocspResponse, type OcspParts } from '../../../authorities/ocsp-authority.ts';
import { certify, type CertificateParts, type SigningParty } from '../../../authorities/x509-authority.ts';

const AT = Date.parse('2026-06-01T00:00:00Z');
const thisUpdate = new Date('2026-05-30T00:00:00Z');
const nextUpdate = new Date('2026-06-06T00:00:00Z');
const always = {
  algorithm: 'p384-sha384',
  notBefore: new Date('2026-01-01T00:00:00Z'),
  notAfter: new Date('2026-12-31T00:00:00Z'),
} as const;

const root = certify({ name: 'Root', issuer: null, authority: { pathLength: null }, ...always });
const issuer = certify({ name: 'Issuer', issuer: root, authority: { pathLength: null }, ...always });
const leaf = certify({ name: 'Leaf', issuer, ...always });
const responder = (parts: Partial<CertificateParts> = {}): SigningParty =>
  certify({ name: 'Responder', issuer, extensions: [OCSP_SIGNING], ...always, ...parts });

const parsed = ({ certificate }: SigningParty): Certificate => {
  const result = parseCertificate(certificate);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
};
const question = { certificate: parsed(leaf), issuer: parsed(issuer), at: AT };
const answerOf = (parts: Partial<OcspParts> = {}): Uint8Array =>
  ocspResponse({ certificate: leaf, issuer, thisUpdate, nextUpdate, ...parts });

function verdict(der: Uint8Array, change: Partial<typeof question & { nonce: Uint8Array }> = {}) {
  const response = parseOcspResponse(der);
  if (!response.ok) throw new Error(response.error.detail);
  const found = ocspVerdict(response.value, { ...question, ...change });
  return found === null ? null : (found.fault ?? found.answer.status);
}

describe('an OCSP answer (RFC 6960)', () => {
  it.each<[string, Partial<OcspParts>]>([
    ['by the issuer', {}],
    ['by the issuer, named by its key', { namedBy: 'key' }],
    ['about SHA-256 hashes', { hash: 'sha256' }],
    ['about SHA-384 hashes', { hash: 'sha384' }],
    ['by a delegated responder', { responder: responder() }],
    ['by a delegated responder named by its key', { responder: responder(), namedBy: 'key' }],
  ])('%s is believed', (_, parts) => {
    expect(verdict(answerOf(parts))).toBe('good');
    expect(verdict(answerOf({ ...parts, status: 'unknown' }))).toBe('unknown');
    expect(verdict(answerOf({ ...parts, status: 'revoked', reason: 1 }))).toBe('revoked');
    expect(verdict(answerOf({ ...parts, status: 'revoked-without-reason' }))).toBe('revoked');
  });

  it('speaks of no other certificate, and of none of another issuer with the same serial number', () => {
    const twin = certify({ name: 'Issuer', issuer: root, authority: { pathLength: null }, ...always });
    expect(verdict(answerOf(), { certificate: parsed(issuer), issuer: parsed(root) })).toBeNull();
    expect(verdict(answerOf(), { issuer: parsed(twin) })).toBeNull();
    expect(verdict(answerOf({ issuer: twin }))).toBeNull();
  });

  const stranger = certify({ name: 'Stranger', issuer: root, authority: { pathLength: null }, ...always });
  it.each<[string, Partial<OcspParts>, string]>([
    [
      'by a responder of another issuer',
      { responder: responder({ issuer: stranger }) },
      'a responder of another issuer',
    ],
    ['by a responder of the root', { responder: responder({ issuer: root }) }, 'a responder of another issuer'],
    [
      'by another certificate of the issuer',
      { responder: responder({ extensions: [] }) },
      'a responder that may not answer',
    ],
    ['by the certificate itself', { responder: leaf }, 'a responder that may not answer'],
    [
      'by a responder that may not sign',
      { responder: responder({ keyUsage: 0b0010_0000 }) },
      'a responder that may not sign',
    ],
    [
      'by a responder with rules that nobody here knows',
      { responder: responder({ extensions: [OCSP_SIGNING, { id: '1.2.3', critical: true, value: Buffer.of(5, 0) }] }) },
      'unknown rules',
    ],
    ['by a responder out of date', { responder: responder({ notAfter: thisUpdate }) }, 'a responder out of date'],
    [
      'by one who signs as the issuer',
      { responder: certify({ name: 'Issuer', issuer: null, ...always }) },
      'not signed by its responder',
    ],
    ['from the future', { thisUpdate: new Date(AT + 1000) }, 'from the future'],
    ['made in the future', { producedAt: new Date(AT + 1000) }, 'from the future'],
    ['out of date', { nextUpdate: new Date(AT - 1000) }, 'expired'],
    ['without an end', { nextUpdate: null }, 'expired'],
    ['with critical rules for the whole', { critical: { whole: '1.2.3' } }, 'unknown rules'],
    ['with critical rules for its part', { critical: { part: '1.2.3' } }, 'unknown rules'],
  ])('%s is not believed', (_, parts, fault) => {
    expect(verdict(answerOf(parts))).toBe(fault);
  });

  it('brings back the nonce that was asked with', () => {
    const nonce = Buffer.alloc(32, 7);
    expect(verdict(answerOf({ nonce }), { nonce })).toBe('good');
    expect(verdict(answerOf({ nonce: Buffer.alloc(32, 8) }), { nonce })).toBe('another nonce');
    expect(verdict(answerOf(), { nonce })).toBe('another nonce');
    expect(verdict(answerOf({ nonce }))).toBe('good');
  });

  it('is refused after any change of a byte', () => {
    const der = answerOf({ responder: responder() });
    const survivors = Array.from(der.keys()).filter((at) => {
      if (at % 3 !== 0) return false;
      const altered = der.slice();
      altered[at] = (altered[at] ?? 0) ^ 0x01;
      const result = parseOcspResponse(altered);
      return result.ok && ocspVerdict(result.value, question)?.fault === null;
    });
    expect(survivors).toEqual([]);
  });

  it('is malformed when the responder gave none, and never makes the parser throw', () => {
    expect(parseOcspResponse(Buffer.of(0x30, 3, 0x0a, 1, 3)).ok).toBe(false);
    const der = answerOf({ responder: responder(), nonce: Buffer.alloc(16) });
    for (let length = 0; length < der.length; length += 7)
      expect(parseOcspResponse(der.subarray(0, length)).ok).toBe(false);
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 6 }), fc.uint8Array({ maxLength: 6 }), (at, cut, added) => {
        const start = at % der.length;
        const mutated = Buffer.concat([der.subarray(0, start), added, der.subarray(start + cut)]);
        const result = parseOcspResponse(mutated);
        if (!result.ok) return result.error.code === 'E-ATTEST-MALFORMED';
        ocspVerdict(result.value, question);
        return true;
      }),
      { numRuns: 300 },
    );
  });
});
