import { RefusalError } from '../../core/errors.ts';
import { nitroRecipient, type NsmTransport } from '../attesters/nsm.ts';
import { openEnvelopedData, parseEnvelopedData } from './enveloped-data.ts';
import { noSealingKey, type SealingRoot } from './sealing-keys.ts';

const KEY_BYTES = 32;
const MAX_TEXT = 16 * 1024;
const ADVICE = "check the key's policy: kms:RecipientAttestation:ImageSha384 or :PCR0, and the role of the instance";

/** AWS KMS over HTTPS, from inside the enclave through the host's vsock proxy. */
export interface KmsPort {
  /**
   * Sends one JSON request to the operation `TrentService.<operation>`, signed by the instance's role, and gives status
   * and body. TLS must end inside the enclave, with Amazon's certificate checked: the answer's envelope says who can
   * read it, not who wrote it. Rejects with the system's error, or RefusalError.
   */
  call(
    operation: 'GenerateDataKey' | 'Decrypt',
    body: string,
  ): Promise<{ readonly status: number; readonly body: string }>;
}

/** Where the wrapped key lies: outside of the enclave, which has no disk. Useless to whoever reads it. */
export interface WrappedKeyStore {
  /** null: none yet. */
  get(): Promise<Uint8Array | null>;
  /** Durable when it resolves. */
  put(wrapped: Uint8Array): Promise<void>;
}

export interface KmsSealingOptions {
  readonly transport: NsmTransport;
  readonly kms: KmsPort;
  readonly store: WrappedKeyStore;
  /** ARN or id of a symmetric key whose policy names the measurement of this enclave. */
  readonly keyId: string;
  /** In the encryption context: a wrapped key of another study does not open. */
  readonly study: string;
}

/**
 * AWS Nitro Enclaves: a data key that KMS makes once and opens again only for an enclave that attests. KMS encrypts to
 * a fresh RSA key of the attestation document (`Recipient`); the host sees the wrapped key and the envelope only.
 */
export function kmsRoot({ transport, kms, store, keyId, study }: KmsSealingOptions): SealingRoot {
  const EncryptionContext = { 'consilium:purpose': 'sealing-key/v1', 'consilium:study': study };
  return {
    name: 'nitro-kms',
    async read() {
      const wrapped = await store.get();
      if (wrapped !== null) {
        const CiphertextBlob = Buffer.from(wrapped).toString('base64');
        return (await ask('Decrypt', { CiphertextBlob, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' })).key;
      }
      const { key, answer } = await ask('GenerateDataKey', { NumberOfBytes: KEY_BYTES });
      const blob = base64(answer['CiphertextBlob']);
      if (blob === null) throw noSealingKey('KMS GenerateDataKey', 'no CiphertextBlob', ADVICE);
      await store.put(blob);
      return key;
    },
  };

  async function ask(
    operation: 'GenerateDataKey' | 'Decrypt',
    members: Readonly<Record<string, string | number>>,
  ): Promise<{ key: Uint8Array; answer: Readonly<Record<string, unknown>> }> {
    const tried = `KMS ${operation}`;
    const { document, privateKey } = await nitroRecipient(transport);
    const Recipient = {
      AttestationDocument: Buffer.from(document).toString('base64'),
      KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    };
    const { status, body } = await kms.call(
      operation,
      JSON.stringify({ KeyId: keyId, ...members, EncryptionContext, Recipient }),
    );
    const answer = status === 200 ? jsonObject(body) : null;
    if (answer === null) throw noSealingKey(tried, `HTTP status ${status}`, ADVICE);
    if (typeof answer['Plaintext'] === 'string' && answer['Plaintext'] !== '')
      throw noSealingKey(
        tried,
        'the key in plain text, for everybody on the way',
        'never use this key; look at the proxy',
      );
    const envelope = base64(answer['CiphertextForRecipient']);
    if (envelope === null) throw noSealingKey(tried, 'no CiphertextForRecipient', ADVICE);
    const parsed = parseEnvelopedData(envelope);
    if (!parsed.ok) throw new RefusalError(parsed.error);
    const opened = openEnvelopedData(parsed.value, privateKey);
    if (!opened.ok) throw new RefusalError(opened.error);
    if (opened.value.length !== KEY_BYTES)
      throw noSealingKey(tried, `${opened.value.length} bytes`, 'make a new wrapped key');
    return { key: opened.value, answer };
  }
}

/** null: not Base64, empty, or too long. */
function base64(value: unknown): Uint8Array | null {
  if (typeof value !== 'string' || value.length > MAX_TEXT) return null;
  const bytes = Buffer.from(value, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === value ? new Uint8Array(bytes) : null;
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}
