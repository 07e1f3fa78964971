import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instant, organisationId } from '../../../lib/core/ids.ts';
import { createAuthority, issue } from '../../../lib/wire/certificates.ts';
import { element, integer, oid, time } from '../../../lib/wire/der.ts';
import { identityFromSubjectAltName, identityUri, ROLES } from '../../../lib/wire/peer-identity.ts';
import { subjectAltName } from '../../../lib/wire/subject-alt-name.ts';
import { ALPHA, authority } from './consortium.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('DER', () => {
  it('writes the examples of ITU-T X.690 and RFC 5280', () => {
    // X.690 §8.19.5 in its editions of 2002 ({2 100 3}) and 2008 ({2 999 3}).
    expect(hex(oid('2.100.3'))).toBe('0603813403');
    expect(hex(oid('2.999.3'))).toBe('0603883703');
    // RFC 5480 §2.1.1.1: secp256r1.
    expect(hex(oid('1.2.840.10045.3.1.7'))).toBe('06082a8648ce3d030107');
    expect(hex(integer(Uint8Array.of(2)))).toBe('020102');
    expect(hex(element(4, new Uint8Array(127))).slice(0, 4)).toBe('047f');
    expect(hex(element(4, new Uint8Array(128))).slice(0, 6)).toBe('048180');
    expect(hex(element(4, new Uint8Array(256))).slice(0, 8)).toBe('04820100');
    expect(time(new Date('2049-12-31T23:59:59.999Z')).toString('latin1')).toBe('\x17\x0d491231235959Z');
    expect(time(new Date('2050-01-01T00:00:00Z')).toString('latin1')).toBe('\x18\x0f20500101000000Z');
  });
});

describe('certificates of the throw-away authority', () => {
  const at = instant(Date.UTC(2026, 0, 2, 3, 4, 5));
  const made = createAuthority({ name: 'test authority', at, days: 30 });
  const root = new X509Certificate(made.certificate);

  it('say who, where, when and what for', () => {
    const tls = issue(made, {
      role: 'coordinator',
      id: organisationId('hub'),
      addresses: ['localhost', '127.0.0.1', 'fe80::1:2'],
      at,
      days: 3,
    });
    const certificate = new X509Certificate(tls.certificate);
    expect(certificate.subjectAltName).toBe(
      'URI:consilium://coordinator/hub, DNS:localhost, IP Address:127.0.0.1, IP Address:FE80:0:0:0:0:0:1:2',
    );
    expect(certificate.checkIssued(root)).toBe(true);
    expect(certificate.verify(root.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(root.ca).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(certificate.validFrom).toBe('Jan  2 03:04:05 2026 GMT');
    expect(certificate.validTo).toBe('Jan  5 03:04:05 2026 GMT');
    // id-kp-clientAuth, id-kp-serverAuth (RFC 5280 §4.2.1.12)
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']);
    expect(tls.authority).toBe(made.certificate);
  });

  it('let no site or researcher stand for a server', () => {
    for (const role of ['site', 'researcher'] as const) {
      const tls = issue(made, { role, id: ALPHA, addresses: [], at, days: 1 });
      expect(new X509Certificate(tls.certificate).keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    }
  });

  it('differ in serial number and key', () => {
    const [a, b] = [1, 2].map(
      () => new X509Certificate(issue(made, { role: 'site', id: ALPHA, addresses: [], at, days: 1 }).certificate),
    );
    expect(a?.serialNumber).not.toBe(b?.serialNumber);
    expect(a?.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
    expect(a?.fingerprint256).not.toBe(b?.fingerprint256);
  });

  it('refuse names that would need escaping', () => {
    expect(() => createAuthority({ name: 'a,CN=b', at, days: 1 })).toThrow(RangeError);
    expect(() => subjectAltName('consilium://site/a', ['a, URI:consilium://site/b'])).toThrow(RangeError);
    expect(() => subjectAltName('consilium://site/a', ['::ffff:1.2.3.4'])).toThrow(RangeError);
  });
});

describe('identity from subjectAltName', () => {
  it('is read from certificates as node renders them', () => {
    for (const role of ROLES) {
      const tls = issue(authority, { role, id: ALPHA, addresses: ['localhost'], at: instant(0), days: 1 });
      const { subjectAltName: rendered } = new X509Certificate(tls.certificate);
      expect(identityFromSubjectAltName(rendered)).toEqual({ role, id: 'alpha' });
    }
  });

  it.each([
    undefined,
    '',
    'DNS:localhost',
    'URI:consilium://site/',
    'URI:consilium://site/Alpha',
    'URI:consilium://root/alpha',
    'URI:consilium://toString/alpha',
    'URI:consilium://site/alpha/extra',
    'URI:https://site/alpha',
    'DNS:consilium://site/alpha',
    'URI:consilium://site/alpha, URI:consilium://site/beta',
    'URI:https://example.org, URI:consilium://site/alpha',
    // CVE-2021-44532: a name that holds a separator, as node quotes it.
    'DNS:"a, URI:consilium://site/alpha, DNS:b"',
    `URI:consilium://site/${'a'.repeat(64)}`,
  ])('is absent from %s', (rendered) => {
    expect(identityFromSubjectAltName(rendered)).toBeNull();
  });

  it('is total', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const read = identityFromSubjectAltName(`URI:consilium://site/${text}`);
        if (read !== null) expect(identityUri(read)).toBe(`consilium://site/${text}`);
      }),
    );
  });
});
