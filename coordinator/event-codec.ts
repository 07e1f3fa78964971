import { z } from 'zod';
import {
  bytesUpTo,
  count,
  decodeDocument,
  encodeDocument,
  errorCode,
  instant,
  organisationId,
  positiveInteger,
} from '../lib/contract/shapes.ts';
import type { Refusal } from '../lib/core/errors.ts';
import type { Result } from '../lib/core/result.ts';
import type { CoordinatorEvent } from './event.ts';

const FORMAT = 'consilium/coordinator-event/v1';
const step = z.enum(['opening', 'commit', 'upload', 'acknowledge']);
/** WIRE_LIMITS.approvalBytes. */
const document = bytesUpTo(16 << 10);
const attempt = { round: positiveInteger, attempt: positiveInteger };
const event = <T extends string, S extends z.core.$ZodLooseShape>(type: T, shape: S) =>
  z.strictObject({ format: z.literal(FORMAT), type: z.literal(type), ...shape });

const stored = z.discriminatedUnion('type', [
  event('approval-recorded', { organisation: organisationId, approval: document, expires: instant }),
  event('withdrawal-recorded', { organisation: organisationId, withdrawal: document }),
  event('launched', { rounds: positiveInteger, gatherMs: count }),
  event('site-seen', { organisation: organisationId, connected: z.boolean() }),
  event('round-requested', attempt),
  event('attempt-learned', { ...attempt, step, expected: z.array(organisationId) }),
  event('attempt-adopted', {
    ...attempt,
    step,
    expected: z.array(organisationId),
    done: z.array(organisationId),
    deadlineMs: positiveInteger,
  }),
  event('step-started', { ...attempt, step, expected: z.array(organisationId), deadlineMs: positiveInteger }),
  event('site-advanced', { ...attempt, step, organisation: organisationId }),
  event('action-requested', {
    ...attempt,
    action: z.enum(['open-round', 'lock-cohort', 'close-collection', 'close-acknowledgement', 'abort-round']),
    againMs: positiveInteger.nullable(),
  }),
  event('round-released', attempt),
  event('round-aborted', { ...attempt, code: errorCode, retryInMs: count }),
  event('study-ended', { outcome: z.enum(['finished', 'stopped']) }),
  event('study-failed', { code: errorCode }),
]);

/** Deterministic CBOR of one event of the coordinator's log; nothing in it is secret. */
export const encodeCoordinatorEvent = (decided: CoordinatorEvent): Uint8Array =>
  encodeDocument({ format: FORMAT, ...decided });

/** E-STORE-FORMAT for bytes that are no event of this version. Total. */
export function decodeCoordinatorEvent(bytes: Uint8Array): Result<CoordinatorEvent, Refusal> {
  const decoded = decodeDocument(stored, bytes, { code: 'E-STORE-FORMAT' });
  if (!decoded.ok) return decoded;
  const { format: _format, ...decided } = decoded.value;
  return { ok: true, value: decided };
}
