import { z } from 'zod';
import {
  bytesUpTo,
  count,
  decodeDocument,
  digest,
  encodeDocument,
  errorCode,
  head,
  positiveInteger,
} from '../contract/shapes.ts';
import type { CborLimits } from '../core/cbor.ts';
import type { Refusal } from '../core/errors.ts';
import type { Result } from '../core/result.ts';

/** Largest application message in a session: a model or an update of a few million parameters. */
export const MAX_MESSAGE_BYTES = 64 << 20;
const LIMITS: CborLimits = { maxBytes: MAX_MESSAGE_BYTES, maxDepth: 4 };
const SMALL = 16 << 10;
/** Of one message of history; a statement of more than `sizeBytes` travels alone (PROTOCOL §7.10). */
export const HISTORY = { count: 1000, sizeBytes: 4 << 20 };
const STATEMENT = 4 << 20;
const PUBLICATION = 1 << 20;

/** First frame of an upload: fixes what will come (PROTOCOL §7.5). */
export const updateHeader = z.strictObject({
  certificate: digest,
  layout: digest,
  /** Bytes of salt and plaintext together. */
  length: positiveInteger.max(MAX_MESSAGE_BYTES),
  commit: digest,
});
export type UpdateHeader = z.output<typeof updateHeader>;

/** What a site may say inside its attested session. */
export const siteMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('sync'), head: head.nullable(), round: count }),
  z.strictObject({ type: z.literal('commit'), commit: bytesUpTo(SMALL), endorsement: bytesUpTo(SMALL) }),
  z.strictObject({ type: z.literal('update-header'), header: updateHeader }),
  /** Salt and plaintext, whole: the channel cuts it into frames. */
  z.strictObject({ type: z.literal('update'), payload: bytesUpTo(MAX_MESSAGE_BYTES) }),
  z.strictObject({
    type: z.literal('acknowledgement'),
    acknowledgement: bytesUpTo(SMALL),
    endorsement: bytesUpTo(SMALL),
  }),
  z.strictObject({ type: z.literal('withdrawal'), withdrawal: bytesUpTo(SMALL) }),
  /** Answer to `model-wanted`. */
  z.strictObject({ type: z.literal('model'), weights: bytesUpTo(MAX_MESSAGE_BYTES / 2) }),
  /** Answers `prove-head`: the statement at the site's head, and the publication of the boot that signed it. */
  z.strictObject({
    type: z.literal('head-proof'),
    statement: bytesUpTo(STATEMENT),
    publication: bytesUpTo(PUBLICATION),
  }),
]);
export type SiteMessage = z.output<typeof siteMessage>;

/** What the enclave may say inside an attested session. */
export const enclaveMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('publication'), publication: bytesUpTo(PUBLICATION) }),
  z.strictObject({ type: z.literal('statement'), statement: bytesUpTo(STATEMENT) }),
  /** Statements up to the newest release, oldest first; nothing in them waits for an answer. */
  z.strictObject({ type: z.literal('history'), statements: z.array(bytesUpTo(STATEMENT)).max(HISTORY.count) }),
  /** The passport bundle and the weights that it names. */
  z.strictObject({
    type: z.literal('release'),
    bundle: bytesUpTo(MAX_MESSAGE_BYTES / 2),
    weights: bytesUpTo(MAX_MESSAGE_BYTES / 2),
  }),
  z.strictObject({
    type: z.literal('received'),
    what: z.enum(['commit', 'update-header', 'update', 'acknowledgement', 'withdrawal', 'model']),
  }),
  z.strictObject({ type: z.literal('refused'), code: errorCode, detail: z.string().max(400) }),
  /** The head that the site named is not on this enclave's chain; nothing else is served before the answer. */
  z.strictObject({ type: z.literal('prove-head') }),
  /** The contract goes on from this model, and nobody has brought it yet. */
  z.strictObject({ type: z.literal('model-wanted'), model: digest }),
]);
export type EnclaveMessage = z.output<typeof enclaveMessage>;

export const encodeMessage = (message: SiteMessage | EnclaveMessage): Uint8Array => encodeDocument(message);

export const decodeSiteMessage = (bytes: Uint8Array): Result<SiteMessage, Refusal> =>
  decodeDocument<SiteMessage>(siteMessage, bytes, { code: 'E-MESSAGE-INVALID', limits: LIMITS });

export const decodeEnclaveMessage = (bytes: Uint8Array): Result<EnclaveMessage, Refusal> =>
  decodeDocument<EnclaveMessage>(enclaveMessage, bytes, { code: 'E-MESSAGE-INVALID', limits: LIMITS });
