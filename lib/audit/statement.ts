import { z } from 'zod';
import {
  bytesUpTo,
  count,
  digest,
  errorCode,
  instant,
  organisationId,
  positiveInteger,
  publicKey,
  type Head,
} from '../contract/shapes.ts';
import { openDocument, readStoredDocument, signDocument } from '../contract/signed-document.ts';
import { privacyPlan } from '../contract/privacy-plan.ts';
import { predecessor } from '../contract/study-contract.ts';
import { refusal, type ErrorCode, type Refusal } from '../core/errors.ts';
import type { Signer } from '../core/ed25519.ts';
import { hash } from '../core/hash.ts';
import type { Digest, PublicKey } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';

const MAX_SIGNED_BYTES = 16 << 10;

/** What every statement of the enclave carries: its place in the chain (PROTOCOL §7). */
const link = {
  format: z.literal('consilium/statement/v1'),
  contract: digest,
  counter: count,
  /** Digest of the statement before; null at genesis only. */
  previous: digest.nullable(),
  bootKey: publicKey,
  at: instant,
};
const roundOf = { round: positiveInteger, attempt: positiveInteger };

/** ε of a record that is in every round so far, before and after this one; null: no noise, no ε. */
const ledger = z
  .strictObject({ epsilonBefore: z.number().nonnegative(), epsilonAfter: z.number().nonnegative() })
  .nullable();

const genesis = z.strictObject({
  ...link,
  type: z.literal('genesis'),
  /** H of `NOISE_ROOT`. */
  noiseRoot: digest,
  /** Digest of the model before round 1. */
  model: digest,
  predecessor: predecessor.nullable(),
});

const manifest = z.strictObject({
  ...link,
  type: z.literal('manifest'),
  ...roundOf,
  parent: digest,
  privacy: privacyPlan,
  ledger,
  commitBy: instant,
});

/** A member's commit with what makes it count: the endorsement of its boot key and its hospital's approval. */
export const cohortMember = z.strictObject({
  organisation: organisationId,
  commit: bytesUpTo(MAX_SIGNED_BYTES),
  endorsement: bytesUpTo(MAX_SIGNED_BYTES),
  approval: bytesUpTo(MAX_SIGNED_BYTES),
});
export type CohortMember = z.output<typeof cohortMember>;

const certificate = z.strictObject({
  ...link,
  type: z.literal('certificate'),
  ...roundOf,
  manifest: digest,
  members: z.array(cohortMember).min(1).max(1000),
});

/** One leaf of `set_root`. */
export const contribution = z.strictObject({ organisation: organisationId, commit: digest });
export type Contribution = z.output<typeof contribution>;

const intent = z.strictObject({
  ...link,
  type: z.literal('intent'),
  ...roundOf,
  certificate: digest,
  setRoot: digest,
  members: z.array(contribution).min(1).max(1000),
  /** Hides and binds the finished result: H("weights", salt, child). */
  result: digest,
});

/** What noise is in a released model, in the words that a verifier recomputes from the contract; see `lib/privacy/mechanism.ts`. */
const noiseReceipt = z.strictObject({
  mechanism: z.literal('discrete-gaussian'),
  placement: z.enum(['site', 'enclave']),
  /** L2 sensitivity of one noised sum and deviation of its noise, in steps of the grid. */
  sensitivity: positiveInteger,
  deviation: positiveInteger,
  samplingRate: z.number().min(0).max(1),
  /** Noised sums of one hospital in this round. */
  steps: positiveInteger,
});

const release = z.strictObject({
  ...link,
  type: z.literal('release'),
  ...roundOf,
  intent: digest,
  certificate: digest,
  parent: digest,
  child: digest,
  /** Opens `intent.result`. */
  resultSalt: digest,
  cohortSize: positiveInteger,
  /** null: no noise, no guarantee. */
  noise: noiseReceipt.nullable(),
  /** ε of a record that was in every released round of this contract, at the plan's δ; null: no noise. */
  epsilonSpent: z.number().nonnegative().nullable(),
  /** What the plan's ε leaves for the rounds to come; null: no noise. */
  epsilonLeft: z.number().nonnegative().nullable(),
  /** Measurement of the enclave that computed the model. */
  software: digest,
});

const abort = z.strictObject({
  ...link,
  type: z.literal('abort'),
  ...roundOf,
  parent: digest,
  code: errorCode,
});

export const statement = z.discriminatedUnion('type', [genesis, manifest, certificate, intent, release, abort]);
export type Statement = z.output<typeof statement>;
export type Genesis = z.output<typeof genesis>;
export type Manifest = z.output<typeof manifest>;
export type Certificate = z.output<typeof certificate>;
export type Intent = z.output<typeof intent>;
/** The model passport. */
export type Release = z.output<typeof release>;

export interface SignedStatement<S extends Statement = Statement> {
  readonly statement: S;
  readonly digest: Digest;
  /** As signed and sent. */
  readonly bytes: Uint8Array;
}

type Draft<S> = S extends Statement ? Omit<S, 'format' | 'counter' | 'previous' | 'bootKey'> : never;

/** Signs the next statement behind `after` (null: the first one). */
export function issueStatement<T extends Statement['type']>(
  draft: Draft<Statement> & { readonly type: T },
  after: Head | null,
  signer: Signer,
): SignedStatement<StatementOf<T>> {
  const document = {
    format: 'consilium/statement/v1',
    counter: after === null ? 0 : after.counter + 1,
    previous: after === null ? null : after.digest,
    bootKey: signer.publicKey,
    ...draft,
  } as Statement;
  const opened = openStatement(signDocument('statement', document, signer));
  if (!opened.ok) throw new Error(`an own statement does not verify: ${opened.error.detail}`);
  return narrowStatement(opened.value, draft.type);
}

export type StatementOf<T extends Statement['type']> = Extract<Statement, { type: T }>;

/** The same statement with its type known; throws when it is another one. */
export function narrowStatement<T extends Statement['type']>(
  signed: SignedStatement,
  type: T,
): SignedStatement<StatementOf<T>> {
  if (signed.statement.type !== type) throw new Error(`expected a ${type}, got a ${signed.statement.type}`);
  return signed as SignedStatement<StatementOf<T>>;
}

/** Decodes a statement and checks its signature under the boot key that it names; trust in that key comes from attestation. */
export function openStatement(bytes: Uint8Array): Result<SignedStatement, Refusal> {
  const opened = openDocument<Statement>(bytes, {
    domain: 'statement',
    schema: statement,
    signedBy: ({ bootKey }): PublicKey => bootKey,
    code: 'E-STATEMENT-SIGNATURE',
  });
  if (!opened.ok) return opened;
  return ok({ statement: opened.value.document, digest: hash('statement', opened.value.body), bytes });
}

/** A statement that this party opened before it stored it; its signature is not checked again. */
export function readStoredStatement(bytes: Uint8Array): Result<SignedStatement, Refusal> {
  const read = readStoredDocument<Statement>(bytes, { schema: statement, code: 'E-STATEMENT-SIGNATURE' });
  if (!read.ok) return read;
  return ok({ statement: read.value.document, digest: hash('statement', read.value.body), bytes });
}

export const headOf = ({ statement: { counter }, digest: own }: SignedStatement): Head => ({ counter, digest: own });

/** Like `openStatement`, for a statement that must be of `type`; `code` when it is another. */
export function openStatementAs<T extends Statement['type']>(
  bytes: Uint8Array,
  type: T,
  code: ErrorCode,
): Result<SignedStatement<StatementOf<T>>, Refusal> {
  return narrowed(openStatement(bytes), type, code);
}

/** Like `readStoredStatement`, for a statement that must be of `type`; `code` when it is another. */
export function readStoredStatementAs<T extends Statement['type']>(
  bytes: Uint8Array,
  type: T,
  code: ErrorCode,
): Result<SignedStatement<StatementOf<T>>, Refusal> {
  return narrowed(readStoredStatement(bytes), type, code);
}

function narrowed<T extends Statement['type']>(
  read: Result<SignedStatement, Refusal>,
  type: T,
  code: ErrorCode,
): Result<SignedStatement<StatementOf<T>>, Refusal> {
  if (!read.ok) return read;
  if (read.value.statement.type !== type)
    return err(refusal(code, 'statement', { got: `a ${read.value.statement.type}`, want: `a ${type}` }));
  return ok(narrowStatement(read.value, type));
}
