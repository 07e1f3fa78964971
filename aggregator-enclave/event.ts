import type { Intent, SignedStatement } from '../lib/audit/statement.ts';
import type { Head } from '../lib/contract/shapes.ts';
import type { UpdateHeader } from '../lib/audit/session-message.ts';
import type { Publication } from '../lib/audit/passport-bundle.ts';
import type { Refusal } from '../lib/core/errors.ts';
import type { Digest, Instant, OrganisationId } from '../lib/core/ids.ts';
import type { DecodedUpdate } from '../lib/learning/update-codec.ts';
import type { AcceptedCommit, ModelContent, SealedResult, SignedAcknowledgement } from './state.ts';

/** What reaches the enclave's decider. Time and randomness arrive here (HOUSE §1). */
export type EnclaveCommand =
  | {
      readonly type: 'boot';
      readonly at: Instant;
      readonly noiseRoot: Digest;
      /** As everybody computes them; the contract may go on from a released model instead. */
      readonly initialWeights: Float32Array;
      /** Passport bundle of the release that the contract goes on from; absent: none was given. */
      readonly predecessor?: Uint8Array | undefined;
    }
  | { readonly type: 'record-approval'; readonly at: Instant; readonly approval: Uint8Array }
  | { readonly type: 'open-round'; readonly at: Instant; readonly round: number; readonly attempt: number }
  | {
      readonly type: 'receive-commit';
      readonly at: Instant;
      readonly from: OrganisationId;
      readonly commit: Uint8Array;
      readonly endorsement: Uint8Array;
    }
  | { readonly type: 'lock-cohort'; readonly at: Instant }
  | { readonly type: 'receive-header'; readonly from: OrganisationId; readonly header: UpdateHeader }
  | { readonly type: 'receive-update'; readonly from: OrganisationId; readonly payload: Uint8Array }
  | { readonly type: 'close-collection'; readonly at: Instant; readonly salt: Digest }
  | ({
      readonly type: 'receive-acknowledgement';
      readonly at: Instant;
      readonly from: OrganisationId;
    } & SignedAcknowledgement)
  | { readonly type: 'close-acknowledgement'; readonly at: Instant }
  | { readonly type: 'abort-round'; readonly at: Instant }
  | { readonly type: 'record-publication'; readonly publication: Publication }
  | {
      readonly type: 'receive-head-proof';
      readonly from: OrganisationId;
      /** What the site named in its `sync`. */
      readonly head: Head;
      readonly statement: Uint8Array;
      readonly publication: Uint8Array;
    }
  | { readonly type: 'receive-model'; readonly from: OrganisationId; readonly weights: Uint8Array }
  | { readonly type: 'receive-withdrawal'; readonly from: OrganisationId; readonly withdrawal: Uint8Array };

export type CommandOf<T extends EnclaveCommand['type']> = Extract<EnclaveCommand, { type: T }>;

/** What the enclave's decider decides. `durable` ones must be stored before their effects are performed. */
export type EnclaveEvent =
  | { readonly type: 'approval-recorded'; readonly organisation: OrganisationId; readonly approval: Uint8Array }
  /**
   * `content`: null when read back, for the stored event does not hold it (the same of a sealed result), and where the
   * contract goes on from a model that a hospital has to bring.
   */
  | { readonly type: 'born'; readonly content: ModelContent | null; readonly statement: SignedStatement }
  /** The content of the model that `fixedBy` fixed is in memory: read back, or brought by a hospital. */
  | { readonly type: 'model-loaded'; readonly fixedBy: Digest; readonly content: ModelContent }
  | { readonly type: 'statement-issued'; readonly statement: SignedStatement }
  | ({ readonly type: 'commit-accepted' } & AcceptedCommit)
  | { readonly type: 'header-accepted'; readonly organisation: OrganisationId; readonly header: UpdateHeader }
  | {
      readonly type: 'update-accepted';
      readonly organisation: OrganisationId;
      readonly commit: Digest;
      readonly update: DecodedUpdate;
    }
  /** Intent and finished result in one append: neither exists without the other (PROTOCOL §7.6). */
  | { readonly type: 'result-sealed'; readonly result: SealedResult; readonly statement: SignedStatement<Intent> }
  | ({ readonly type: 'acknowledgement-accepted'; readonly organisation: OrganisationId } & SignedAcknowledgement)
  | { readonly type: 'withdrawal-recorded'; readonly organisation: OrganisationId; readonly withdrawal: Uint8Array }
  | { readonly type: 'publication-recorded'; readonly publication: Publication }
  /** The last event of a log: this state is older than another one (PROTOCOL §7). */
  | { readonly type: 'halted'; readonly refusal: Refusal };

const VOLATILE: ReadonlySet<EnclaveEvent['type']> = new Set([
  'commit-accepted',
  'header-accepted',
  'update-accepted',
  'model-loaded',
]);

/**
 * Commits and updates live in memory only: before the Intent nothing was spent, so a restart aborts the attempt and
 * the sites send the same bytes again (PROTOCOL §7.8). No single update is ever written to a disk.
 */
export const isDurable = (event: EnclaveEvent): boolean => !VOLATILE.has(event.type);
