import { z } from 'zod';
import { decodePublication, encodePublication } from '../lib/audit/passport-bundle.ts';
import { updateHeader } from '../lib/audit/session-message.ts';
import { readStoredStatement, readStoredStatementAs } from '../lib/audit/statement.ts';
import {
  bytesUpTo,
  count,
  decodeDocument,
  digest,
  encodeDocument,
  errorCode,
  publicKey,
} from '../lib/contract/shapes.ts';
import type { CborLimits } from '../lib/core/cbor.ts';
import { refusal, type Refusal } from '../lib/core/errors.ts';
import { ok, type Result } from '../lib/core/result.ts';
import type { SiteEvent } from './event.ts';

const FORMAT = 'consilium/site-event/v2';
const LIMITS: CborLimits = { maxBytes: 1 << 30, maxDepth: 3 };
const large = bytesUpTo(1 << 30);
const event = <T extends string, S extends z.core.$ZodLooseShape>(type: T, shape: S) =>
  z.strictObject({ format: z.literal(FORMAT), type: z.literal(type), ...shape });

const stored = z.discriminatedUnion('type', [
  event('boot-key-trusted', { bootKey: publicKey }),
  event('publication-kept', { publication: large }),
  event('statement-seen', { statement: large }),
  event('committed', { manifest: large, commit: large, endorsement: large }),
  event('cohort-accepted', { certificate: large }),
  event('debited', { parent: digest, commit: digest }),
  event('update-ready', { header: updateHeader }),
  event('acknowledged', { intent: large, acknowledgement: large }),
  event('round-ended', { outcome: z.enum(['released', 'aborted']) }),
  event('declined', { code: errorCode, detail: z.string() }),
  event('model-received', { round: count, model: digest }),
  event('withdrawn', { withdrawal: large }),
  event('ledger-carried', { spent: z.array(z.strictObject({ parent: digest, commit: digest })) }),
  event('superseded', { by: digest }),
  event('commit-recovered', { commit: large }),
  event('debit-recovered', { parent: digest, commit: digest }),
  event('behind-noticed', { counter: count }),
  event('backup-accepted', { counter: count }),
]);
type Stored = z.output<typeof stored>;

/** Deterministic CBOR of one event of a site's log; its size does not depend on the model. */
export function encodeSiteEvent(decided: SiteEvent): Uint8Array {
  return encodeDocument({ format: FORMAT, ...fieldsOf(decided) });
}

function fieldsOf(decided: SiteEvent): object {
  switch (decided.type) {
    case 'boot-key-trusted':
    case 'debited':
    case 'update-ready':
    case 'round-ended':
    case 'withdrawn':
    case 'superseded':
    case 'commit-recovered':
    case 'debit-recovered':
    case 'behind-noticed':
    case 'backup-accepted':
      return decided;
    case 'publication-kept':
      return { type: decided.type, publication: encodePublication(decided.publication) };
    case 'ledger-carried':
      return { type: decided.type, spent: [...decided.spent] };
    case 'statement-seen':
      return { type: decided.type, statement: decided.statement.bytes };
    case 'committed':
      return { ...decided, manifest: decided.manifest.bytes };
    case 'cohort-accepted':
      return { type: decided.type, certificate: decided.certificate.bytes };
    case 'acknowledged':
      return { ...decided, intent: decided.intent.bytes };
    case 'declined':
      return { type: decided.type, code: decided.refusal.code, detail: decided.refusal.detail };
    case 'model-received':
      return { type: decided.type, round: decided.model.round, model: decided.model.digest };
  }
}

/** The event behind stored bytes; E-STORE-FORMAT when they are no event of this version. Total. */
export function decodeSiteEvent(bytes: Uint8Array): Result<SiteEvent, Refusal> {
  const decoded = decodeDocument<Stored>(stored, bytes, { code: 'E-STORE-FORMAT', limits: LIMITS });
  if (!decoded.ok) return decoded;
  const { format: _format, ...document } = decoded.value;
  switch (document.type) {
    case 'boot-key-trusted':
    case 'debited':
    case 'update-ready':
    case 'round-ended':
    case 'withdrawn':
    case 'ledger-carried':
    case 'superseded':
    case 'commit-recovered':
    case 'debit-recovered':
    case 'behind-noticed':
    case 'backup-accepted':
      return ok(document);
    case 'publication-kept': {
      const publication = decodePublication(document.publication);
      return publication.ok ? ok({ type: document.type, publication: publication.value }) : publication;
    }
    case 'statement-seen': {
      const statement = readStoredStatement(document.statement);
      return statement.ok ? ok({ type: document.type, statement: statement.value }) : statement;
    }
    case 'committed': {
      const manifest = readStoredStatementAs(document.manifest, 'manifest', 'E-STORE-FORMAT');
      return manifest.ok ? ok({ ...document, manifest: manifest.value }) : manifest;
    }
    case 'cohort-accepted': {
      const certificate = readStoredStatementAs(document.certificate, 'certificate', 'E-STORE-FORMAT');
      return certificate.ok ? ok({ type: document.type, certificate: certificate.value }) : certificate;
    }
    case 'acknowledged': {
      const intent = readStoredStatementAs(document.intent, 'intent', 'E-STORE-FORMAT');
      return intent.ok ? ok({ ...document, intent: intent.value }) : intent;
    }
    case 'declined':
      return ok({ type: document.type, refusal: refusal(document.code, document.detail) });
    case 'model-received': {
      const { type, round, model } = document;
      return ok({ type, model: { round, digest: model }, received: null });
    }
  }
}
