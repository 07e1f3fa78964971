import { z } from 'zod';
import { count, decodeDocument, digest, encodeDocument, publicKey } from '../../contract/shapes.ts';
import { refusal, type Refusal } from '../../core/errors.ts';
import { err, type Result } from '../../core/result.ts';
import { MAX_LEAVES, NODE_BYTES } from '../binder-tree.ts';
import { MAX_EVIDENCE_BYTES } from '../evidence.ts';
import { exactBytes } from '../exact-bytes.ts';
import { bytesUpTo } from '../../contract/shapes.ts';

/**
 * What a program and its chip say to each other over the IPC channel that the chip opened when it started the program:
 * base64 text of deterministic CBOR. A program cannot ask for a quote over bytes of its choice: it names binders or a
 * publication, and the chip hashes them itself (PROTOCOL §4.5).
 */
const request = z.strictObject({
  format: z.literal('consilium/chip-request/v1'),
  id: count,
  ask: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('binders'), binders: z.array(exactBytes(NODE_BYTES)).min(1).max(MAX_LEAVES) }),
    z.strictObject({
      kind: z.literal('publication'),
      publication: z.strictObject({
        bootKey: publicKey,
        contractDigest: digest,
        genesisDigest: digest,
        headDigest: digest,
      }),
    }),
    z.strictObject({ kind: z.literal('sealing-key') }),
  ]),
});
export type ChipRequest = Omit<z.output<typeof request>, 'format'>;

const response = z.strictObject({
  format: z.literal('consilium/chip-response/v1'),
  id: count,
  answer: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('evidence'), evidence: bytesUpTo(MAX_EVIDENCE_BYTES) }),
    z.strictObject({ kind: z.literal('sealing-key'), key: exactBytes(32) }),
  ]),
});
export type ChipResponse = Omit<z.output<typeof response>, 'format'>;

const MAX_MESSAGE_BYTES = 2 * MAX_EVIDENCE_BYTES;
const MAX_TEXT_LENGTH = Math.ceil((MAX_MESSAGE_BYTES * 4) / 3) + 4;

export const encodeChipRequest = (message: ChipRequest): string =>
  toText({ format: 'consilium/chip-request/v1', ...message });
export const encodeChipResponse = (message: ChipResponse): string =>
  toText({ format: 'consilium/chip-response/v1', ...message });

/** Total: any IPC message in, a checked request or E-MESSAGE-INVALID out. */
export const decodeChipRequest = (message: unknown): Result<ChipRequest, Refusal> => fromText(request, message);
export const decodeChipResponse = (message: unknown): Result<ChipResponse, Refusal> => fromText(response, message);

const toText = (document: object): string => Buffer.from(encodeDocument(document)).toString('base64');

function fromText<T>(schema: z.ZodType<T>, message: unknown): Result<T, Refusal> {
  if (typeof message !== 'string' || message.length > MAX_TEXT_LENGTH) {
    return err(refusal('E-MESSAGE-INVALID', 'not a chip message'));
  }
  return decodeDocument(schema, Uint8Array.from(Buffer.from(message, 'base64')), {
    code: 'E-MESSAGE-INVALID',
    limits: { maxBytes: MAX_MESSAGE_BYTES, maxDepth: 4 },
  });
}
