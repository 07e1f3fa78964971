import {
  constants,
  createCipheriv,
  createPublicKey,
  hkdfSync,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import type { NsmTransport } from '../../lib/attestation/attesters/nsm.ts';
import { readCbor, type StrictCbor } from '../../lib/attestation/formats/strict-cbor.ts';
import { nitro } from '../../lib/attestation/nitro/nitro.ts';
import type { KmsPort } from '../../lib/attestation/sealing/kms-sealing.ts';
import { VENDOR_ROOTS } from '../../lib/attestation/trust/vendor-roots.ts';
import { encodeCbor } from '../../lib/core/cbor.ts';
import { element, integer, octets, oid, sequence, tagged } from '../../lib/wire/der.ts';
import { cbor, nitroDocument, type DocumentParts, type NitroAuthority } from './nitro-authority.ts';

/** A Nitro Security Module: documents of `authority` that carry what they are asked to carry. */
export const nitroModule = (authority: NitroAuthority, parts: DocumentParts): NsmTransport => ({
  async request(question) {
    const asked = (readCbor(question, { maxDepth: 2, maxItems: 16 }) as ReadonlyMap<string, StrictCbor>).get(
      'Attestation',
    ) as ReadonlyMap<string, Uint8Array | null>;
    const [userData, publicKey] = [asked.get('user_data') ?? null, asked.get('public_key') ?? null];
    const fields = { public_key: publicKey === null ? cbor.nothing : cbor.bytes(publicKey) };
    return encodeCbor({ Attestation: { document: nitroDocument(authority, { ...parts, userData, fields }) } });
  },
});

/** What an envelope may be made to look like instead of AWS's own. */
export interface EnvelopeChanges {
  readonly recipients?: number;
  readonly version?: number;
  readonly transport?: Buffer;
  readonly hash?: string;
  readonly cipher?: string;
  readonly contentKey?: Buffer;
  /** Sizes of the octet strings that the ciphertext is cut into; default: one. */
  readonly chunkBytes?: number;
  /** DER with the ciphertext as one primitive element, as OpenSSL writes it. */
  readonly definite?: true;
}

const END = Buffer.of(0, 0);
const indefinite = (tag: number, ...content: readonly Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.of(tag, 0x80), ...content, END]);

/**
 * CMS EnvelopedData as AWS KMS answers it (RFC 5652 §6): BER with outer layers of indefinite length, the recipient by a
 * 32-byte key identifier, RSAES-OAEP with SHA-256, AES-256-CBC.
 */
export function envelopedData(plaintext: Uint8Array, to: KeyObject, changes: EnvelopeChanges = {}): Uint8Array {
  const { recipients = 1, version = 2, hash = '2.16.840.1.101.3.4.2.1', chunkBytes = 4096, definite } = changes;
  const contentKey = changes.contentKey ?? randomBytes(32);
  const iv = randomBytes(16);
  const cipher = createCipheriv(contentKey.length === 32 ? 'aes-256-cbc' : 'aes-128-cbc', contentKey, iv);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const wrapped = publicEncrypt({ key: to, padding, oaepHash: 'sha256' }, contentKey);
  const hashed = sequence(oid(hash), element(5));
  const transport =
    changes.transport ??
    sequence(
      oid('1.2.840.113549.1.1.7'),
      sequence(tagged(0, true, hashed), tagged(1, true, sequence(oid('1.2.840.113549.1.1.8'), hashed))),
    );
  const recipient = sequence(integer(Buffer.of(2)), element(0x80, randomBytes(32)), transport, octets(wrapped));
  const chunks: Buffer[] = [];
  for (let at = 0; at < ciphertext.length; at += chunkBytes)
    chunks.push(octets(ciphertext.subarray(at, at + chunkBytes)));
  const algorithm = sequence(oid(changes.cipher ?? '2.16.840.1.101.3.4.1.42'), octets(iv));
  const set = element(0x31, ...Array.from({ length: recipients }, () => recipient));
  const head = [oid('1.2.840.113549.1.7.1'), algorithm];
  const number = integer(Buffer.of(version));
  if (definite === true) {
    const content = sequence(...head, element(0x80, ciphertext));
    return new Uint8Array(sequence(oid('1.2.840.113549.1.7.3'), tagged(0, true, sequence(number, set, content))));
  }
  const content = indefinite(0x30, ...head, indefinite(0xa0, ...chunks));
  return new Uint8Array(
    indefinite(0x30, oid('1.2.840.113549.1.7.3'), indefinite(0xa0, indefinite(0x30, number, set, content))),
  );
}

export interface KmsAuthority extends KmsPort {
  readonly requests: { readonly operation: string; readonly body: Record<string, unknown> }[];
}

export interface KmsOptions {
  readonly amazon: NitroAuthority;
  readonly at: number;
  /** PCR0 that the key's policy names (kms:RecipientAttestation:ImageSha384), hexadecimal. */
  readonly imageSha384: string;
  /** Alters the answer. */
  readonly change?: (answer: Record<string, unknown>, recipient: KeyObject) => Record<string, unknown>;
}

/**
 * KMS with one key whose policy names an image: checks the attestation document like the real one, wraps data keys
 * under its own key with the encryption context as associated data, and answers to the document's key only.
 */
export function kmsAuthority({ amazon, at, imageSha384, change = (answer) => answer }: KmsOptions): KmsAuthority {
  const master = randomBytes(32);
  const roots = { ...VENDOR_ROOTS, nitro: [amazon.root.fingerprint] };
  const requests: KmsAuthority['requests'] = [];
  const stream = (nonce: Uint8Array, context: string): Buffer =>
    Buffer.from(hkdfSync('sha256', master, nonce, context, 32));

  return {
    requests,
    async call(operation, text) {
      const body = JSON.parse(text) as Record<string, unknown>;
      requests.push({ operation, body });
      const { AttestationDocument } = body['Recipient'] as Record<string, string>;
      const parsed = nitro.parse(new Uint8Array(Buffer.from(AttestationDocument ?? '', 'base64')));
      if (!parsed.ok) return { status: 400, body: '{"__type":"ValidationException"}' };
      const { claims } = nitro.authenticate(parsed.value, { at, roots, collateral: [], revocation: 'required' });
      const { publicKey } = parsed.value;
      if (claims?.measurements['PCR0'] !== imageSha384 || publicKey === null)
        return { status: 400, body: '{"__type":"AccessDeniedException"}' };
      const context = JSON.stringify(body['EncryptionContext']);
      let blob = Buffer.from((body['CiphertextBlob'] as string | undefined) ?? '', 'base64');
      if (operation === 'GenerateDataKey') blob = Buffer.concat([Buffer.from('blob'), randomBytes(16)]);
      // A key that depends on the context: another study gets another key, as a refusal would also do.
      const key = stream(blob, context);
      const recipient = createPublicKey({ key: Buffer.from(publicKey), type: 'spki', format: 'der' });
      const answer = {
        KeyId: body['KeyId'],
        CiphertextBlob: blob.toString('base64'),
        Plaintext: '',
        CiphertextForRecipient: Buffer.from(envelopedData(key, recipient)).toString('base64'),
      };
      return { status: 200, body: JSON.stringify(change(answer, recipient)) };
    },
  };
}
