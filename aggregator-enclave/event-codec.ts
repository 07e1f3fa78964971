import { z } from 'zod';
import { decodePublication, encodePublication } from '../lib/audit/passport-bundle.ts';
import { readStoredStatement, readStoredStatementAs } from '../lib/audit/statement.ts';
import {
  bytesUpTo,
  decodeDocument,
  digest,
  encodeDocument,
  errorCode,
  organisationId,
} from '../lib/contract/shapes.ts';
import type { CborLimits } from '../lib/core/cbor.ts';
import { refusal, type Refusal } from '../lib/core/errors.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import type { EnclaveEvent } from './event.ts';

const LIMITS: CborLimits = { maxBytes: 1 << 30, maxDepth: 3 };
const large = bytesUpTo(1 << 30);

/** What one durable event looks like under the seal; format versions stand in the seal's associated data. */
const stored = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('approval-recorded'), organisation: organisationId, approval: large }),
  z.strictObject({ type: z.literal('born'), statement: large }),
  z.strictObject({ type: z.literal('statement-issued'), statement: large }),
  z.strictObject({
    type: z.literal('result-sealed'),
    statement: large,
    /** Digest of the child. */
    model: digest,
    salt: digest,
  }),
  z.strictObject({
    type: z.literal('acknowledgement-accepted'),
    organisation: organisationId,
    acknowledgement: large,
    endorsement: large,
  }),
  z.strictObject({ type: z.literal('withdrawal-recorded'), organisation: organisationId, withdrawal: large }),
  z.strictObject({ type: z.literal('publication-recorded'), publication: large }),
  z.strictObject({
    type: z.literal('halted'),
    code: errorCode,
    detail: z.string(),
    got: z.string().nullable(),
    want: z.string().nullable(),
  }),
]);
type Stored = z.output<typeof stored>;

/**
 * Deterministic CBOR of a durable event, without the content of a model, which the journal keeps beside it. Throws on a
 * volatile one: updates never leave memory.
 */
export function encodeEvent(event: EnclaveEvent): Uint8Array {
  return encodeDocument(toStored(event));
}

function toStored(event: EnclaveEvent): Stored {
  switch (event.type) {
    case 'approval-recorded':
    case 'acknowledgement-accepted':
    case 'withdrawal-recorded':
      return event;
    case 'born':
    case 'statement-issued':
      return { type: event.type, statement: event.statement.bytes };
    case 'result-sealed': {
      const { model, salt } = event.result;
      return { type: 'result-sealed', statement: event.statement.bytes, model: model.digest, salt };
    }
    case 'publication-recorded':
      return { type: 'publication-recorded', publication: encodePublication(event.publication) };
    case 'halted':
      return { type: 'halted', got: null, want: null, ...event.refusal };
    case 'commit-accepted':
    case 'header-accepted':
    case 'update-accepted':
    case 'model-loaded':
      throw new Error(`${event.type} must not be stored`);
  }
}

/** The event behind stored bytes; E-STORE-FORMAT when they are no event of this version. Total. */
export function decodeEvent(bytes: Uint8Array): Result<EnclaveEvent, Refusal> {
  const decoded = decodeStored(bytes);
  return decoded.ok ? decoded : err(refusal('E-STORE-FORMAT', `enclave event: ${decoded.error.detail}`));
}

function decodeStored(bytes: Uint8Array): Result<EnclaveEvent, Refusal> {
  const decoded = decodeDocument<Stored>(stored, bytes, { code: 'E-STORE-FORMAT', limits: LIMITS });
  if (!decoded.ok) return decoded;
  const document = decoded.value;
  switch (document.type) {
    case 'approval-recorded':
    case 'acknowledgement-accepted':
    case 'withdrawal-recorded':
      return ok(document);
    case 'publication-recorded': {
      const publication = decodePublication(document.publication);
      return publication.ok ? ok({ type: 'publication-recorded', publication: publication.value }) : publication;
    }
    case 'halted':
      return ok({ type: 'halted', refusal: haltedFor(document) });
    case 'statement-issued': {
      const statement = readStoredStatement(document.statement);
      return statement.ok ? ok({ type: 'statement-issued', statement: statement.value }) : statement;
    }
    case 'born': {
      const statement = readStoredStatementAs(document.statement, 'genesis', 'E-STORE-FORMAT');
      return statement.ok ? ok({ type: 'born', content: null, statement: statement.value }) : statement;
    }
    case 'result-sealed':
      return decodeResult(document);
  }
}

function haltedFor({ code, detail, got, want }: Extract<Stored, { type: 'halted' }>): Refusal {
  return { code, detail, ...(got === null ? {} : { got }), ...(want === null ? {} : { want }) };
}

function decodeResult({
  statement: bytes,
  model: child,
  salt,
}: Extract<Stored, { type: 'result-sealed' }>): Result<EnclaveEvent, Refusal> {
  const opened = readStoredStatementAs(bytes, 'intent', 'E-STORE-FORMAT');
  if (!opened.ok) return opened;
  const { statement, digest: fixedBy } = opened.value;
  const model = { round: statement.round, digest: child, fixedBy, content: null };
  return ok({ type: 'result-sealed', statement: opened.value, result: { model, salt } });
}
