import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { X509Certificate as PeculiarCertificate, X509Crl } from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import { VENDOR_ROOTS } from '../../../lib/attestation/trust/vendor-roots.ts';
import { parseCertificate } from '../../../lib/attestation/x509/certificate.ts';
import { readPem } from '../../../lib/attestation/x509/pem.ts';
import { parseRevocationList } from '../../../lib/attestation/x509/revocation-list.ts';
import { evidenceVectorsAbsent, vectorFiles, vectorText } from './evidence-vectors.ts';

interface Found {
  readonly file: string;
  readonly label: string;
  readonly der: Uint8Array;
}

/** Every PEM block of the folder, JSON wrappers with escaped line breaks included; each once. */
function everyBlock(): Found[] {
  const seen = new Set<string>();
  return vectorFiles('', /\.(?:pem|crt|cert|testcer|txt|json|crl)$|^[^.]+$/).flatMap((file) => {
    const text = vectorText(file).replaceAll('\\n', '\n');
    if (!text.includes('-----BEGIN ')) return [];
    return readPem(text, 4096).flatMap(({ label, der }) => {
      const key = Buffer.from(der).toString('base64');
      if (seen.has(key)) return [];
      seen.add(key);
      return [{ file, label, der }];
    });
  });
}

const blocks = everyBlock();
const certificates = blocks.filter(({ label }) => label === 'CERTIFICATE');

describe.skipIf(evidenceVectorsAbsent)('X.509 of real vendors', () => {
  it('there are enough to be worth comparing', () => {
    expect(certificates.length).toBeGreaterThan(60);
  });

  it('reads each certificate as OpenSSL and @peculiar/x509 do, or refuses what is not strict DER', () => {
    const refused: string[] = [];
    for (const { file, der } of certificates) {
      const parsed = parseCertificate(der);
      if (!parsed.ok) {
        refused.push(`${file}: ${parsed.error.detail}`);
        continue;
      }
      const other = new X509Certificate(der);
      // Node tries PEM first and so reads the PEM chain inside a quote inside an RA-TLS certificate.
      if (other.raw.length !== der.length) continue;
      const third = new PeculiarCertificate(new Uint8Array(der));
      expect(parsed.value.fingerprint).toBe(other.fingerprint256.replaceAll(':', '').toLowerCase());
      expect(BigInt(`0x${parsed.value.serial}`)).toBe(BigInt(`0x${other.serialNumber}`));
      expect(parsed.value.notBefore).toBe(Date.parse(other.validFrom));
      expect(parsed.value.notAfter).toBe(Date.parse(other.validTo));
      expect(parsed.value.basicConstraints?.ca ?? false).toBe(other.ca);
      expect(third.subjectName.getField('CN')[0] ?? '').toBe(parsed.value.subjectCommonName);
      expect(third.extensions.map(({ type }) => type)).toEqual([...parsed.value.extensions.keys()]);
    }
    expect(refused).toEqual([expect.stringMatching(/tampered_root_cert\.crt/)]);
  });

  it('reads each revocation list as @peculiar/x509 does', () => {
    const lists = blocks.filter(({ label }) => label === 'X509 CRL');
    for (const { der } of lists) {
      const parsed = parseRevocationList(der);
      if (!parsed.ok) throw new Error(parsed.error.detail);
      const other = new X509Crl(new Uint8Array(der));
      expect(parsed.value.revoked.size).toBe(other.entries.length);
      expect(parsed.value.thisUpdate).toBe(other.thisUpdate.getTime());
      expect(parsed.value.nextUpdate).toBe(other.nextUpdate?.getTime());
    }
    expect(lists.length).toBeGreaterThan(1);
  });

  it('has each pinned root among the files, signed by itself', () => {
    const byFingerprint = new Map(
      certificates.flatMap(({ der }) => {
        const parsed = parseCertificate(der);
        return parsed.ok ? [[parsed.value.fingerprint, der] as const] : [];
      }),
    );
    const absent = Object.entries(VENDOR_ROOTS).flatMap(([use, roots]) =>
      roots.flatMap((root) => {
        const der = byFingerprint.get(root);
        if (der === undefined) return [use];
        const own = new X509Certificate(der);
        return own.verify(own.publicKey) ? [] : [`${use}: not signed by itself`];
      }),
    );
    expect(absent).toEqual([]);
  });
});
