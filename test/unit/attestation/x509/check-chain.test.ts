import { describe, expect, it } from 'vitest';
import { failuresOf, attestationResult } from '../../../../lib/attestation/attestation-result.ts';
import { parseCertificate, type Certificate } from '../../../../lib/attestation/x509/certificate.ts';
import { checkChain, type ChainRules } from '../../../../lib/attestation/x509/check-chain.ts';
import { listFault, parseRevocationList } from '../../../../lib/attestation/x509/revocation-list.ts';
import { instant } from '../../../../lib/core/ids.ts';
import { bits, integer, oid, sequence, setOf, time, utf8Text } from '../../../../lib/wire/der.ts';
import {
  certify,
  revocationList,
  type CertificateParts,
  type SigningParty,
} from '../../../authorities/x509-authority.ts';

const notBefore = new Date('2026-01-01T00:00:00Z');
const notAfter = new Date('2026-12-31T00:00:00Z');
const AT = Date.parse('2026-06-01T00:00:00Z');
const always = { notBefore, notAfter };

const root = certify({
  name: 'Root',
  algorithm: 'rsa-pss-sha384',
  issuer: null,
  authority: { pathLength: 1 },
  ...always,
});
const middle = certify({
  name: 'Middle',
  algorithm: 'p384-sha384',
  issuer: root,
  authority: { pathLength: 0 },
  ...always,
});
const leafParts: CertificateParts = { name: 'Leaf', algorithm: 'p256-sha256', issuer: middle, ...always };

const parsed = ({ certificate }: SigningParty): Certificate => {
  const result = parseCertificate(certificate);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
};
const chainOf = (...parties: SigningParty[]): Certificate[] => parties.map(parsed);

function failedNames(chain: readonly Certificate[], rules: Partial<ChainRules> = {}): string[] {
  const checks = checkChain(chain, { roots: [root.fingerprint], at: AT, label: 'test', ...rules });
  return failuresOf(attestationResult({ platform: null, simulated: false, at: instant(AT), checks })).map(
    ({ code, detail }) => `${code} ${detail}`,
  );
}

const ROOT = 'E-ATTEST-SIGNATURE test root';
const SIGNATURES = 'E-ATTEST-SIGNATURE test signatures';
const ROLES = 'E-ATTEST-SIGNATURE test roles';
const VALIDITY = 'E-ATTEST-EXPIRED test validity';

describe('a certificate chain (RFC 5280 §6.1)', () => {
  it('leads from a leaf to a pinned root', () => {
    expect(failedNames(chainOf(certify(leafParts), middle, root))).toEqual([]);
  });

  it('is refused when empty', () => {
    expect(failedNames([])).toEqual([ROOT, SIGNATURES, ROLES, VALIDITY]);
  });

  it('is refused under a root of the same name that is not pinned', () => {
    const twin = certify({
      name: 'Root',
      algorithm: 'p384-sha384',
      issuer: null,
      authority: { pathLength: 1 },
      ...always,
    });
    const below = certify({
      name: 'Middle',
      algorithm: 'p384-sha384',
      issuer: twin,
      authority: { pathLength: 0 },
      ...always,
    });
    expect(failedNames(chainOf(certify({ ...leafParts, issuer: below }), below, twin))).toEqual([ROOT]);
  });

  it('is refused when the pinned root is only appended to a chain of others', () => {
    const twin = certify({
      name: 'Root',
      algorithm: 'p384-sha384',
      issuer: null,
      authority: { pathLength: 1 },
      ...always,
    });
    const below = certify({
      name: 'Middle',
      algorithm: 'p384-sha384',
      issuer: twin,
      authority: { pathLength: 0 },
      ...always,
    });
    expect(failedNames(chainOf(certify({ ...leafParts, issuer: below }), below, root))).toEqual([SIGNATURES]);
  });

  it('is refused when a certificate is left out or swapped', () => {
    expect(failedNames(chainOf(certify(leafParts), root))).toEqual([SIGNATURES]);
    expect(failedNames(chainOf(certify(leafParts), root, middle))).toContain(SIGNATURES);
  });

  it('is refused when a leaf issued the next leaf', () => {
    const leaf = certify(leafParts);
    const below = certify({ ...leafParts, name: 'Below', issuer: leaf });
    expect(failedNames(chainOf(below, leaf, middle, root))).toEqual([ROLES]);
  });

  it('is refused when the key fits and the name of the issuer does not', () => {
    const renamed = { ...middle, name: 'Another' };
    expect(failedNames(chainOf(certify({ ...leafParts, issuer: renamed }), middle, root))).toEqual([SIGNATURES]);
  });

  it.each<[string, Partial<CertificateParts>]>([
    ['is no authority, though its key may sign certificates', { keyUsage: 0b0000_0110 }],
    ['is an authority whose key may only sign lists', { authority: { pathLength: null }, keyUsage: 0b0000_0010 }],
  ])('is refused when one in the middle %s', (_, parts) => {
    const between = certify({ name: 'Between', algorithm: 'p256-sha256', issuer: root, ...always, ...parts });
    expect(failedNames(chainOf(certify({ ...leafParts, issuer: between }), between, root))).toEqual([ROLES]);
  });

  it('lets pass authorities without key usage, and as many as are allowed', () => {
    const free = { algorithm: 'p256-sha256', keyUsage: null, authority: { pathLength: null }, ...always } as const;
    const first = certify({ ...free, name: 'First', issuer: root });
    const second = certify({ ...free, name: 'Second', issuer: first });
    const below = (issuer: SigningParty): SigningParty => certify({ ...leafParts, issuer });
    expect(failedNames(chainOf(below(first), first, root))).toEqual([]);
    expect(failedNames(chainOf(below(second), second, first, root))).toEqual([ROLES]);
  });

  it('says what it got and wanted', () => {
    const said = (chain: readonly Certificate[], at = AT): string[] =>
      checkChain(chain, { roots: [root.fingerprint], at, label: 'test' }).map(({ got, want }) => `${got} | ${want}`);
    const wanted = [
      'a pinned vendor root',
      'each signed by the next',
      'authorities that may issue, a leaf that may sign',
    ];
    const [rootWant = '', signatureWant = '', roleWant = ''] = wanted;
    expect(said(chainOf(certify(leafParts), middle, root))).toEqual([
      `Root ${root.fingerprint.slice(0, 16)}… | ${rootWant}`,
      `all valid | ${signatureWant}`,
      `as allowed | ${roleWant}`,
      'valid at 2026-06-01T00:00:00.000Z | valid at 2026-06-01T00:00:00.000Z',
    ]);
    const bad = chainOf(
      certify({ ...leafParts, name: '', authority: { pathLength: null }, keyUsage: 1 }),
      root,
      middle,
    );
    expect(said(bad, Date.parse('2030-01-01T00:00:00Z'))).toEqual([
      `Middle ${middle.fingerprint.slice(0, 16)}… | ${rootWant}`,
      `not signed by its issuer: a certificate without a name (ECDSA with SHA384), Root, Middle | ${signatureWant}`,
      `the leaf is an authority; the leaf may not sign; Middle allows 0 authorities below it | ${roleWant}`,
      `${['a certificate without a name (ECDSA with SHA384)', 'Root', 'Middle']
        .map((name) => `${name} is valid from 2026-01-01T00:00:00.000Z to 2026-12-31T00:00:00.000Z`)
        .join(', ')} | valid at 2030-01-01T00:00:00.000Z`,
    ]);
    expect(said([])[0]).toBe(`no certificate | ${rootWant}`);
    const strange = certify({ ...leafParts, extensions: [{ id: '1.2.3.4', critical: true, value: Buffer.of(5, 0) }] });
    expect(said(chainOf(strange, middle, root))[2]).toBe(`Leaf has the unknown critical rule 1.2.3.4 | ${roleWant}`);
  });

  it('is refused when an authority stands below one that allows none', () => {
    const extra = certify({
      name: 'Extra',
      algorithm: 'p256-sha256',
      issuer: middle,
      authority: { pathLength: null },
      ...always,
    });
    expect(failedNames(chainOf(certify({ ...leafParts, issuer: extra }), extra, middle, root))).toEqual([ROLES]);
  });

  it.each<[string, Partial<CertificateParts>]>([
    ['is an authority', { authority: { pathLength: null } }],
    ['may not sign', { keyUsage: 0b0010_0000 }],
    [
      'has a critical rule that nobody here knows',
      { extensions: [{ id: '1.2.3.4', critical: true, value: Buffer.of(5, 0) }] },
    ],
  ])('is refused when the leaf %s', (_, parts) => {
    expect(failedNames(chainOf(certify({ ...leafParts, ...parts }), middle, root))).toEqual([ROLES]);
  });

  it('lets pass a critical rule that the caller understands', () => {
    const leaf = certify({ ...leafParts, extensions: [{ id: '1.2.3.4', critical: true, value: Buffer.of(5, 0) }] });
    expect(failedNames(chainOf(leaf, middle, root), { understood: ['1.2.3.4'] })).toEqual([]);
  });

  it.each([notBefore.getTime() - 1, notAfter.getTime() + 1])('is refused outside its validity (%d)', (at) => {
    expect(failedNames(chainOf(certify(leafParts), middle, root), { at })).toEqual([VALIDITY]);
  });

  it.each([notBefore.getTime(), notAfter.getTime()])('holds at both ends of its validity (%d)', (at) => {
    expect(failedNames(chainOf(certify(leafParts), middle, root), { at })).toEqual([]);
  });

  it('is refused after any change of a byte of the leaf', () => {
    const leaf = certify(leafParts).certificate;
    for (let at = 0; at < leaf.length; at++) {
      const altered = leaf.slice();
      altered[at] = (altered[at] ?? 0) ^ 0x01;
      const result = parseCertificate(altered);
      if (result.ok) expect(failedNames([result.value, ...chainOf(middle, root)])).not.toEqual([]);
    }
  });
});

describe('a revocation list (RFC 5280 §5)', () => {
  const thisUpdate = new Date('2026-05-20T00:00:00Z');
  const nextUpdate = new Date('2026-06-20T00:00:00Z');
  const read = (der: Uint8Array) => {
    const result = parseRevocationList(der);
    if (!result.ok) throw new Error(result.error.detail);
    return result.value;
  };

  it('holds its serial numbers and its number', () => {
    const list = read(
      revocationList({ issuer: middle, thisUpdate, nextUpdate, revoked: ['17', '0badcafe'], number: 9 }),
    );
    expect([...list.revoked]).toEqual(['17', '0badcafe']);
    expect(list.number).toBe('09');
    expect(listFault(list, parsed(middle), AT)).toBeNull();
  });

  it('speaks for its issuer only, while it is in date', () => {
    const list = read(revocationList({ issuer: middle, thisUpdate, nextUpdate }));
    expect(listFault(list, parsed(root), AT)).toBe('another issuer');
    expect(listFault(list, parsed(middle), thisUpdate.getTime() - 1)).toBe('from the future');
    expect(listFault(list, parsed(middle), nextUpdate.getTime() + 1)).toBe('expired');
    expect(listFault(read(revocationList({ issuer: middle, thisUpdate, nextUpdate: null })), parsed(middle), AT)).toBe(
      'expired',
    );
  });

  it('is refused when another key signed it, and when its issuer may not sign lists', () => {
    const twin = certify({
      name: 'Middle',
      algorithm: 'p384-sha384',
      issuer: root,
      authority: { pathLength: 0 },
      ...always,
    });
    expect(listFault(read(revocationList({ issuer: twin, thisUpdate, nextUpdate })), parsed(middle), AT)).toBe(
      'not signed by its issuer',
    );
    const mute = certify({
      name: 'Mute',
      algorithm: 'p384-sha384',
      issuer: root,
      authority: { pathLength: 0 },
      keyUsage: 0b0000_0100,
      ...always,
    });
    expect(listFault(read(revocationList({ issuer: mute, thisUpdate, nextUpdate })), parsed(mute), AT)).toBe(
      'not signed by its issuer',
    );
  });

  it('is refused when it has critical rules that nobody here knows', () => {
    const extensions = [{ id: '2.5.29.28', critical: true, value: Buffer.of(0x30, 0) }];
    const list = read(revocationList({ issuer: middle, thisUpdate, nextUpdate, extensions }));
    expect(listFault(list, parsed(middle), AT)).toBe('unknown rules');
  });

  it('is valid at both ends of its time', () => {
    const list = read(revocationList({ issuer: middle, thisUpdate, nextUpdate }));
    expect(listFault(list, parsed(middle), thisUpdate.getTime())).toBeNull();
    expect(listFault(list, parsed(middle), nextUpdate.getTime())).toBeNull();
  });

  it('of an issuer without key usage, with a rule that is not critical, is believed', () => {
    const free = certify({
      ...{ name: 'Free', algorithm: 'p384-sha384', issuer: root, authority: { pathLength: 0 } },
      ...{ keyUsage: null, ...always },
    });
    const extensions = [{ id: '2.5.29.28', critical: false, value: Buffer.of(0x30, 0) }];
    const list = read(revocationList({ issuer: free, thisUpdate, nextUpdate, extensions }));
    expect(listFault(list, parsed(free), AT)).toBeNull();
  });

  it('is malformed with an entry that is cut short, in another version, or above 4 MiB', () => {
    const algorithm = sequence(oid('1.2.840.10045.4.3.3'));
    const made = (version: number, ...entry: Buffer[]): string | undefined => {
      const name = sequence(setOf(sequence(oid('2.5.4.3'), utf8Text('X'))));
      const body = sequence(
        integer(Buffer.of(version)),
        algorithm,
        name,
        time(thisUpdate),
        sequence(sequence(...entry)),
      );
      const result = parseRevocationList(sequence(body, algorithm, bits(Buffer.alloc(8))));
      return result.ok ? `number ${result.value.number}, until ${result.value.nextUpdate}` : result.error.detail;
    };
    expect(made(1, integer(Buffer.of(7)), time(thisUpdate))).toBe('number null, until null');
    expect(made(1, integer(Buffer.of(7)))).toMatch(/^revocation list: entry is cut short/);
    expect(made(1)).toMatch(/^revocation list: entry is cut short/);
    expect(made(0, integer(Buffer.of(7)), time(thisUpdate))).toMatch(/not version 2/);
    const large = parseRevocationList(new Uint8Array(4 * 1024 * 1024 + 1));
    expect(large).toMatchObject({ ok: false, error: { detail: 'revocation list: larger than 4 MiB' } });
  });
});
