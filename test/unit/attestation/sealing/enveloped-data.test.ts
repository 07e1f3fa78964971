import { generateKeyPairSync } from 'node:crypto';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openEnvelopedData, parseEnvelopedData } from '../../../../lib/attestation/sealing/enveloped-data.ts';
import { definiteLengths } from '../../../../lib/attestation/sealing/definite-lengths.ts';
import { element, octets, oid, sequence } from '../../../../lib/wire/der.ts';
import { envelopedData, type EnvelopeChanges } from '../../../authorities/kms-authority.ts';
import { certify } from '../../../authorities/x509-authority.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const openssl = spawnSync('openssl', ['version']).status === 0;
if (!openssl) console.warn('SKIPPED: no openssl; no envelope of another implementation is opened');
const secret = Uint8Array.from({ length: 32 }, (_, i) => i);
const make = (changes: EnvelopeChanges = {}): Uint8Array => envelopedData(secret, publicKey, changes);

/** The plaintext, or why not. */
function opened(bytes: Uint8Array): Uint8Array | string {
  const parsed = parseEnvelopedData(bytes);
  if (!parsed.ok) return `${parsed.error.code} ${parsed.error.detail}`;
  const open = openEnvelopedData(parsed.value, privateKey);
  return open.ok ? open.value : open.error.code;
}

describe('opens', () => {
  test.each([
    ['BER as KMS writes it', {}],
    ['a ciphertext in pieces', { chunkBytes: 7 }],
    ['DER throughout', { definite: true }],
  ] as const)('%s', (_, changes) => {
    expect(opened(make(changes))).toEqual(secret);
  });

  test('the outer layers are those of recorded answers', () => {
    const bytes = Buffer.from(make());
    expect(bytes.toString('hex')).toMatch(/^308006092a864886f70d010703a08030800201023182016b308201670201028020/);
    expect(bytes.subarray(-10).toString('hex')).toBe('00'.repeat(10));
  });

  test.skipIf(!openssl).each([
    ['DER', []],
    ['BER in pieces', ['-stream']],
  ] as const)('what OpenSSL makes: %s', (_, how) => {
    const parts = { name: 'enclave', algorithm: 'rsa-sha256', issuer: null, keys: { publicKey, privateKey } } as const;
    const dates = { notBefore: new Date('2020-01-01'), notAfter: new Date('2040-01-01') };
    const extensions = [{ id: '2.5.29.14', value: octets(Buffer.alloc(20, 9)) }];
    const folder = mkdtempSync(join(tmpdir(), 'cms-'));
    try {
      const certificate = join(folder, 'certificate.pem');
      const der = Buffer.from(certify({ ...parts, ...dates, extensions }).certificate);
      const base64 = der.toString('base64').replace(/(.{64})/g, '$1\n');
      writeFileSync(certificate, `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`);
      const oaep = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha256', 'rsa_mgf1_md:sha256'];
      const options = [
        '-encrypt',
        '-binary',
        '-aes-256-cbc',
        '-keyid',
        '-outform',
        'DER',
        ...how,
        '-recip',
        certificate,
      ];
      const line = ['cms', ...options, ...oaep.flatMap((option) => ['-keyopt', option])];
      const made = execFileSync('openssl', line, { input: secret, stdio: ['pipe', 'pipe', 'pipe'] });
      expect(made[1] === 0x80).toBe(how.length > 0);
      expect(opened(new Uint8Array(made))).toEqual(secret);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('refused', () => {
  const sha1 = '1.3.14.3.2.26';
  const cases: readonly (readonly [string, EnvelopeChanges, string])[] = [
    ['two recipients', { recipients: 2 }, 'not exactly one recipient'],
    ['no recipient', { recipients: 0 }, 'not exactly one recipient'],
    ['another version', { version: 0 }, 'version is another'],
    ['PKCS #1 v1.5 key transport', { transport: sequence(oid('1.2.840.113549.1.1.1'), element(5)) }, 'key transport'],
    [
      'OAEP with its defaults, which are SHA-1',
      { transport: sequence(oid('1.2.840.113549.1.1.7'), sequence()) },
      'lacks hash',
    ],
    ['OAEP with SHA-1', { hash: sha1 }, 'OAEP hash'],
    ['AES-128', { cipher: '2.16.840.1.101.3.4.1.2' }, 'content encryption'],
    ['a content key of another size', { contentKey: Buffer.alloc(16, 1) }, 'E-SEAL-UNAVAILABLE'],
  ];
  test.each(cases)('%s', (_, changes, said) => {
    expect(opened(make(changes))).toContain(said);
  });

  test('another key', () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect(opened(envelopedData(secret, other.publicKey))).toBe('E-SEAL-UNAVAILABLE');
  });

  test('every truncation, and bytes after the end', () => {
    const bytes = make();
    for (let length = 0; length < bytes.length; length++)
      expect(opened(bytes.subarray(0, length))).toContain('E-ATTEST-MALFORMED');
    expect(opened(Uint8Array.of(...bytes, 0))).toContain('bytes after');
  });

  test('no altered byte of the key or the structure gives another key', () => {
    const bytes = make();
    const ciphertext = bytes.length - 10 - 48 - 2 - 2 - 18;
    for (let at = 0; at < ciphertext; at += 5) {
      const altered = bytes.slice();
      altered[at] = (altered[at] ?? 0) ^ 0x41;
      const result = opened(altered);
      // The identifier of the recipient is not authenticated, and not used.
      if (typeof result !== 'string') expect(result).toEqual(secret);
    }
  });
});

describe('indefinite lengths', () => {
  test('nested deeper than any envelope are refused', () => {
    const nested = Buffer.concat([...Array.from({ length: 3000 }, () => Buffer.of(0x30, 0x80))]);
    expect(opened(nested)).toContain('nested too deep');
  });

  test('of a primitive element are refused', () => {
    expect(opened(Uint8Array.of(0x04, 0x80, 0x04, 0x01, 1, 0, 0))).toContain('primitive');
  });

  test('what has none stays as it is', () => {
    const bytes = make({ definite: true });
    expect(definiteLengths(bytes)).toEqual(bytes);
  });

  test('hostile bytes give a typed failure', () => {
    const real = make();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(real.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const bytes = real.slice();
        for (const [at, value] of changes) bytes[at] = value;
        parseEnvelopedData(bytes);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const parsed = parseEnvelopedData(bytes);
        return !parsed.ok && parsed.error.code === 'E-ATTEST-MALFORMED';
      }),
      { numRuns: 500 },
    );
  });
});
