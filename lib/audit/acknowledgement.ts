import { z } from 'zod';
import { digest, instant, organisationId, publicKey } from '../contract/shapes.ts';
import { openDocument, signDocument, type OpenedDocument } from '../contract/signed-document.ts';
import type { Signer } from '../core/ed25519.ts';
import type { Refusal } from '../core/errors.ts';
import type { Result } from '../core/result.ts';

export const acknowledgement = z.strictObject({
  format: z.literal('consilium/acknowledgement/v1'),
  contract: digest,
  intent: digest,
  organisation: organisationId,
  bootKey: publicKey,
  at: instant,
});
export type Acknowledgement = z.output<typeof acknowledgement>;

/** A site says that it has stored the Intent durably (PROTOCOL §7.6). */
export function signAcknowledgement(fields: Omit<Acknowledgement, 'format' | 'bootKey'>, signer: Signer): Uint8Array {
  const document = { format: 'consilium/acknowledgement/v1', bootKey: signer.publicKey, ...fields };
  return signDocument('acknowledgement', document, signer);
}

export function openAcknowledgement(bytes: Uint8Array): Result<OpenedDocument<Acknowledgement>, Refusal> {
  return openDocument<Acknowledgement>(bytes, {
    domain: 'acknowledgement',
    schema: acknowledgement,
    signedBy: ({ bootKey }) => bootKey,
    code: 'E-ACK-INVALID',
  });
}
