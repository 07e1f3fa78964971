import type { UpdateHeader } from '../lib/audit/session-message.ts';
import type { Publication } from '../lib/audit/passport-bundle.ts';
import type { Certificate, Intent, Manifest, SignedStatement } from '../lib/audit/statement.ts';
import type { Refusal } from '../lib/core/errors.ts';
import type { Digest, Instant, PublicKey } from '../lib/core/ids.ts';
import type { ModelName, SentCommit } from './state.ts';

/** What reaches the site's decider; time arrives here (HOUSE §1). */
export type SiteCommand =
  | { readonly type: 'trust-boot-key'; readonly bootKey: PublicKey }
  /** One whose evidence this hospital has appraised and accepted. */
  | { readonly type: 'trust-publication'; readonly publication: Publication }
  | {
      readonly type: 'receive-statement';
      readonly at: Instant;
      readonly statement: Uint8Array;
      /** False for history that is only being caught up: nothing is answered. */
      readonly live: boolean;
      /** Endorsement of this boot's key, to send beside a commit. */
      readonly endorsement: Uint8Array;
      /** Why this hospital's privacy ledger does not cover the next round; null: it does. */
      readonly unaffordable: Refusal | null;
    }
  | {
      readonly type: 'finish-training';
      readonly parent: Digest;
      readonly commit: Digest;
      readonly payloadBytes: number;
    }
  | { readonly type: 'receive-release'; readonly bundle: Uint8Array; readonly weights: Uint8Array }
  | { readonly type: 'withdraw'; readonly withdrawal: Uint8Array }
  /** Somebody of this hospital says that its memory may be as old as the statement of `counter` showed. */
  | { readonly type: 'accept-backup'; readonly counter: number };

export type SiteCommandOf<T extends SiteCommand['type']> = Extract<SiteCommand, { type: T }>;

/** What came with a release: megabytes, and a bundle made mostly of statements that are stored already. */
export interface ReceivedModel {
  readonly weights: Float32Array;
  readonly bundle: Uint8Array;
}

/** What the site's decider decides; all are stored before anything is sent. */
export type SiteEvent =
  | { readonly type: 'boot-key-trusted'; readonly bootKey: PublicKey }
  /** Kept to prove a head to an enclave that does not have it (PROTOCOL §7). */
  | { readonly type: 'publication-kept'; readonly publication: Publication }
  /** The head moves, whatever the site thinks of the statement's content. */
  | { readonly type: 'statement-seen'; readonly statement: SignedStatement }
  | ({ readonly type: 'committed'; readonly manifest: SignedStatement<Manifest> } & SentCommit)
  | { readonly type: 'cohort-accepted'; readonly certificate: SignedStatement<Certificate> }
  /** Stored before the first byte leaves; never refunded (PROTOCOL §7.5). */
  | ({ readonly type: 'debited' } & Debit)
  | { readonly type: 'update-ready'; readonly header: UpdateHeader }
  | { readonly type: 'acknowledged'; readonly intent: SignedStatement<Intent>; readonly acknowledgement: Uint8Array }
  | { readonly type: 'round-ended'; readonly outcome: 'released' | 'aborted' }
  | { readonly type: 'declined'; readonly refusal: Refusal }
  /** `received`: null when read back; the weights are kept beside the log, the passport in the output folder. */
  | { readonly type: 'model-received'; readonly model: ModelName; readonly received: ReceivedModel | null }
  | { readonly type: 'withdrawn'; readonly withdrawal: Uint8Array }
  /** First event under a successor: what the contracts before have debited (PROTOCOL §7.9). */
  | { readonly type: 'ledger-carried'; readonly spent: readonly Debit[] }
  /** Last event under a contract: this store has gone on under its successor. */
  | { readonly type: 'superseded'; readonly by: Digest }
  /** A commit of this hospital stood in a certificate, and it does not remember it (PROTOCOL §7.13). */
  | { readonly type: 'commit-recovered'; readonly commit: Uint8Array }
  /** An Intent names an update of this hospital that it does not remember: debited all the same. */
  | { readonly type: 'debit-recovered'; readonly parent: Digest; readonly commit: Digest }
  /** The statement of `counter` is the first to show that this hospital's memory is older than the study. */
  | { readonly type: 'behind-noticed'; readonly counter: number }
  | { readonly type: 'backup-accepted'; readonly counter: number };

/** The one update of one parent model. */
export interface Debit {
  readonly parent: Digest;
  readonly commit: Digest;
}
