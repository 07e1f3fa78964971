import { z } from 'zod';
import { exactBytes } from '../attestation/exact-bytes.ts';
import { count, decodeDocument, digest, encodeDocument } from '../contract/shapes.ts';
import type { Refusal } from '../core/errors.ts';
import type { Result } from '../core/result.ts';

/** PROTOCOL §2.3: the only suite; named in the transcript, never negotiated. */
export const SUITE = 'HPKE-base/X-Wing/HKDF-SHA256/AES-256-GCM';
export const VERSION = 1;
export const NONCE_BYTES = 32;
/** draft-connolly-cfrg-xwing-kem §5: encapsulation key and ciphertext. */
export const KEM_PUBLIC_KEY_BYTES = 1216;
export const ENCAPSULATION_BYTES = 1120;
export const MAX_HANDSHAKE_BYTES = 2048;

const shortText = z.string().max(64);

export const hello = z.strictObject({
  format: z.literal('consilium/hello'),
  version: count,
  suite: shortText,
  contractDigest: digest,
  nonce: exactBytes(NONCE_BYTES),
});
/** S→E. `nonce` is what the enclave's first evidence must answer. */
export type Hello = Omit<z.output<typeof hello>, 'format'>;

const offer = z.strictObject({
  format: z.literal('consilium/offer'),
  suite: shortText,
  nonce: exactBytes(NONCE_BYTES),
  kemPublicKey: exactBytes(KEM_PUBLIC_KEY_BYTES),
});
/** E→S. `nonce` is what the site's first evidence must answer. */
export type Offer = Omit<z.output<typeof offer>, 'format'>;

export const open = z.strictObject({ format: z.literal('consilium/open'), enc: exactBytes(ENCAPSULATION_BYTES) });
/** S→E: the HPKE encapsulation. */
export type Open = Omit<z.output<typeof open>, 'format'>;

/** Why the enclave goes no further, before there are keys. Anybody could have written it: a hint for the log. */
const declined = z.strictObject({
  format: z.literal('consilium/declined'),
  code: z.enum(['E-CHANNEL-VERSION', 'E-CHANNEL-CONTRACT']),
});
export type Declined = Omit<z.output<typeof declined>, 'format'>;

export const encodeHello = (message: Hello): Uint8Array => encodeDocument({ format: 'consilium/hello', ...message });
export const encodeOffer = (message: Offer): Uint8Array => encodeDocument({ format: 'consilium/offer', ...message });
export const encodeOpen = (message: Open): Uint8Array => encodeDocument({ format: 'consilium/open', ...message });
export const encodeDeclined = (message: Declined): Uint8Array =>
  encodeDocument({ format: 'consilium/declined', ...message });

const decoder =
  <T>(schema: z.ZodType<T>) =>
  (bytes: Uint8Array): Result<T, Refusal> =>
    decodeDocument(schema, bytes, {
      code: 'E-MESSAGE-INVALID',
      limits: { maxBytes: MAX_HANDSHAKE_BYTES, maxDepth: 2 },
    });

/** Each is total: E-MESSAGE-INVALID for anything but its message. */
export const decodeHello = decoder(hello);
export const decodeOffer = decoder(offer);
export const decodeOpen = decoder(open);
export const decodeDeclined = decoder(declined);
