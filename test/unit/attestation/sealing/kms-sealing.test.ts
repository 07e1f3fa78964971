import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { nitroEnclave } from '../../../../lib/attestation/attesters/nsm.ts';
import { nitro } from '../../../../lib/attestation/nitro/nitro.ts';
import { ReportData } from '../../../../lib/attestation/report-data.ts';
import { kmsRoot, type WrappedKeyStore } from '../../../../lib/attestation/sealing/kms-sealing.ts';
import { VENDOR_ROOTS } from '../../../../lib/attestation/trust/vendor-roots.ts';
import { toHex } from '../../../../lib/core/bytes.ts';
import { envelopedData, kmsAuthority, nitroModule, type KmsOptions } from '../../../authorities/kms-authority.ts';
import { nitroAuthority, register } from '../../../authorities/nitro-authority.ts';
import { refusalOf, someReportData } from '../attesters/report-data.ts';

const AT = Date.parse('2026-06-01T12:00:00Z');
const amazon = nitroAuthority(AT);
const transport = nitroModule(amazon, { timestamp: AT });
const amazonRsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const imageSha384 = toHex(register(1));

function storeOf(): WrappedKeyStore & { wrapped: Uint8Array | null } {
  return {
    wrapped: null,
    async get() {
      return this.wrapped;
    },
    async put(wrapped) {
      this.wrapped = wrapped;
    },
  };
}
const kmsOf = (change?: KmsOptions['change']) =>
  kmsAuthority({ amazon, at: AT, imageSha384, ...(change === undefined ? {} : { change }) });
const rootOf = (kms: ReturnType<typeof kmsOf>, store = storeOf(), study = 'study') =>
  kmsRoot({ transport, kms, store, keyId: 'arn:aws:kms:key', study });

test('what the module attests verifies, and carries the report data', async () => {
  const reportData = someReportData();
  const parsed = nitro.parse(await nitroEnclave(transport).collect(reportData));
  if (!parsed.ok) throw new Error(parsed.error.detail);
  const roots = { ...VENDOR_ROOTS, nitro: [amazon.root.fingerprint] };
  const { claims } = nitro.authenticate(parsed.value, { at: AT, roots, collateral: [], revocation: 'required' });
  expect(claims?.reportData).toEqual(ReportData.bytesOf(reportData));
});

test('a key is made once and comes back after a restart; only the wrapped one is stored', async () => {
  const [kms, store] = [kmsOf(), storeOf()];
  const first = await rootOf(kms, store).read();
  expect(first).toHaveLength(32);
  expect(await rootOf(kms, store).read()).toEqual(first);
  expect(Buffer.from(store.wrapped ?? []).includes(Buffer.from(first))).toBe(false);
  expect(kms.requests.map(({ operation }) => operation)).toEqual(['GenerateDataKey', 'Decrypt']);
});

test('requests have the shape of KMS, and a new document each', async () => {
  const [kms, store] = [kmsOf(), storeOf()];
  await rootOf(kms, store).read();
  await rootOf(kms, store).read();
  const [generate, decrypt] = kms.requests.map(({ body }) => body);
  const EncryptionContext = { 'consilium:purpose': 'sealing-key/v1', 'consilium:study': 'study' };
  const Recipient = { AttestationDocument: expect.any(String) as string, KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' };
  const always = { KeyId: 'arn:aws:kms:key', EncryptionContext, Recipient };
  expect(generate).toEqual({ ...always, NumberOfBytes: 32 });
  const CiphertextBlob = Buffer.from(store.wrapped ?? []).toString('base64');
  expect(decrypt).toEqual({ ...always, CiphertextBlob, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' });
  expect(generate?.['Recipient']).not.toEqual(decrypt?.['Recipient']);
});

test('another study gets another key from the same wrapped one', async () => {
  const [kms, store] = [kmsOf(), storeOf()];
  expect(await rootOf(kms, store).read()).not.toEqual(await rootOf(kms, store, 'study-2').read());
});

describe('refused', () => {
  test('an image that the key’s policy does not name', async () => {
    const kms = kmsAuthority({ amazon, at: AT, imageSha384: toHex(register(2)) });
    const { code, detail } = await refusalOf(rootOf(kms).read());
    expect(code).toBe('E-SEAL-UNAVAILABLE');
    expect(detail).toContain('kms:RecipientAttestation:ImageSha384');
  });

  const cases: readonly (readonly [string, NonNullable<KmsOptions['change']>, string])[] = [
    ['the key in plain text', (answer) => ({ ...answer, Plaintext: 'AAAA' }), 'plain text'],
    ['no envelope', ({ CiphertextForRecipient: _, ...rest }) => rest, 'no CiphertextForRecipient'],
    [
      'an envelope that is no Base64',
      (answer) => ({ ...answer, CiphertextForRecipient: '*' }),
      'no CiphertextForRecipient',
    ],
    ['no wrapped key', ({ CiphertextBlob: _, ...rest }) => rest, 'no CiphertextBlob'],
    [
      'a key of another size',
      (answer, to) => ({
        ...answer,
        CiphertextForRecipient: Buffer.from(envelopedData(new Uint8Array(16), to)).toString('base64'),
      }),
      '16 bytes',
    ],
    [
      'an envelope to another recipient',
      (answer) => ({
        ...answer,
        CiphertextForRecipient: Buffer.from(envelopedData(new Uint8Array(32), amazonRsa)).toString('base64'),
      }),
      'does not open',
    ],
    ['an envelope that is none', (answer) => ({ ...answer, CiphertextForRecipient: 'AAAA' }), 'CMS EnvelopedData'],
  ];
  test.each(cases)('%s, and nothing is stored', async (_, change, said) => {
    const store = storeOf();
    expect((await refusalOf(rootOf(kmsOf(change), store).read())).detail).toContain(said);
    expect(store.wrapped).toBeNull();
  });
});
