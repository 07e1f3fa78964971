import type { Head } from '../lib/contract/shapes.ts';
import type { SealedContract } from '../lib/contract/study-contract.ts';
import type { Chain } from '../lib/audit/chain.ts';
import type { Commit } from '../lib/audit/commit.ts';
import type { Publication } from '../lib/audit/passport-bundle.ts';
import type { PassportTrust } from '../lib/audit/passport.ts';
import type { UpdateHeader } from '../lib/audit/session-message.ts';
import type {
  Certificate,
  CohortMember,
  Contribution,
  Genesis,
  Intent,
  Manifest,
  Release,
  SignedStatement,
} from '../lib/audit/statement.ts';
import type { Signer } from '../lib/core/ed25519.ts';
import type { Refusal } from '../lib/core/errors.ts';
import type { Digest, Instant, OrganisationId } from '../lib/core/ids.ts';
import type { IntegerSum } from '../lib/learning/integer-sum.ts';
import type { ParameterLayout } from '../lib/learning/layout.ts';
import type { Mechanism } from '../lib/privacy/mechanism.ts';
import type { ServerState } from '../lib/learning/server-state.ts';

/** Constant for one boot of the enclave. */
export interface EnclaveEnvironment {
  readonly sealed: SealedContract;
  readonly layout: ParameterLayout;
  /** `BOOT_E`. */
  readonly signer: Signer;
  /** Measurement of this program; stands in every passport. */
  readonly software: Digest;
  /** `NOISE_ROOT`, 32 bytes: the source of all central noise (PROTOCOL §3); never leaves the enclave. */
  readonly noiseRoot: Uint8Array;
  /** What the contract promises about noise; null: none. */
  readonly mechanism: Mechanism | null;
  /** Judges publication evidence under the contract's policy for the enclave, for a head that a site proves. */
  readonly appraise: PassportTrust['appraise'];
}

/** What the next round is computed from; megabytes, so that no event holds it (docs/decisions/0023). */
export interface ModelContent {
  readonly weights: Float32Array;
  /** The memory of the server optimiser. */
  readonly server: ServerState;
}

/** The newest model of the study. */
export interface CurrentModel {
  /** Rounds released so far; 0: the initial weights. */
  readonly round: number;
  readonly digest: Digest;
  /** Digest of the statement that fixed it, genesis or Intent: its content is kept under this name. */
  readonly fixedBy: Digest;
  /** null until `model-loaded`: behind a replayed event, and under a successor until a hospital has brought it. */
  readonly content: ModelContent | null;
}

/** What a member's finished result will be, sealed before the Intent leaves (PROTOCOL §7.6). */
export interface SealedResult {
  readonly model: CurrentModel;
  readonly salt: Digest;
}

export interface SignedAcknowledgement {
  readonly acknowledgement: Uint8Array;
  readonly endorsement: Uint8Array;
}

/** The signed statements that a released round consists of; what its passport bundle is made from. */
export interface ReleasedRound {
  readonly manifest: SignedStatement<Manifest>;
  readonly certificate: SignedStatement<Certificate>;
  readonly intent: SignedStatement<Intent>;
  readonly release: SignedStatement<Release>;
  readonly acknowledgements: readonly SignedAcknowledgement[];
}

/** As many as two attempts state: sites that are there are told from memory, those that come back from the journal. */
export const RECENT_STATEMENTS = 8;

/** Common to every phase after genesis. */
export interface EnclaveLedger {
  readonly chain: Chain;
  readonly genesis: SignedStatement<Genesis>;
  /** The newest signed statements, oldest first, at most `RECENT_STATEMENTS`; the older ones are in the journal. */
  readonly recent: readonly SignedStatement[];
  readonly model: CurrentModel;
  /** Number of the newest attempt on the current parent; 0: none yet. */
  readonly attempts: number;
  readonly approvals: ReadonlyMap<OrganisationId, Uint8Array>;
  /** What those who left have signed; nobody leaves this map again (PROTOCOL §6.3). */
  readonly withdrawn: ReadonlyMap<OrganisationId, Uint8Array>;
  /** Evidence of every boot that signed statements, oldest first (PROTOCOL §7.1). */
  readonly publications: readonly Publication[];
  /** Newest released round; null before the first. */
  readonly latest: ReleasedRound | null;
}

export interface AcceptedCommit {
  readonly commit: Commit;
  readonly member: CohortMember;
  /** First moment at which approval or endorsement has expired; a certificate signed later may not hold it. */
  readonly validUntil: Instant;
}

interface Opened {
  readonly ledger: EnclaveLedger;
  readonly manifest: SignedStatement<Manifest>;
  readonly commits: ReadonlyMap<OrganisationId, AcceptedCommit>;
}

interface Certified extends Opened {
  readonly certificate: SignedStatement<Certificate>;
  readonly headers: ReadonlyMap<OrganisationId, UpdateHeader>;
  readonly accepted: ReadonlyMap<OrganisationId, Contribution>;
  readonly sum: IntegerSum;
}

/**
 * idle → open → locked → collecting → committed → released | aborted (PROTOCOL §7). `halted` is final: only a newer
 * copy of the disk or a successor contract goes on.
 */
export type EnclaveState =
  | { readonly phase: 'unborn'; readonly approvals: ReadonlyMap<OrganisationId, Uint8Array> }
  | { readonly phase: 'idle'; readonly ledger: EnclaveLedger }
  | ({ readonly phase: 'open' } & Opened)
  | ({ readonly phase: 'locked' } & Certified)
  | ({ readonly phase: 'collecting' } & Certified)
  | ({
      readonly phase: 'committed';
      readonly intent: SignedStatement<Intent>;
      readonly result: SealedResult;
      readonly acknowledgements: ReadonlyMap<OrganisationId, SignedAcknowledgement>;
    } & Pick<Certified, 'ledger' | 'manifest' | 'certificate'>)
  | { readonly phase: 'released'; readonly ledger: EnclaveLedger }
  | { readonly phase: 'aborted'; readonly ledger: EnclaveLedger }
  | { readonly phase: 'halted'; readonly ledger: EnclaveLedger; readonly refusal: Refusal };

export type Collecting = Extract<EnclaveState, { phase: 'locked' | 'collecting' }>;
export type Committed = Extract<EnclaveState, { phase: 'committed' }>;

export const INITIAL_STATE: EnclaveState = { phase: 'unborn', approvals: new Map() };

/** The models whose content this state needs: the newest released one and a result that waits for acknowledgements. */
export function modelsOf(state: EnclaveState): readonly CurrentModel[] {
  if (state.phase === 'unborn') return [];
  return state.phase === 'committed' ? [state.ledger.model, state.result.model] : [state.ledger.model];
}

/** The newest statement of the enclave's own chain; null before genesis. */
export function headOfState(state: EnclaveState): Head | null {
  if (state.phase === 'unborn') return null;
  const { chain } = state.ledger;
  const newest = chain.at(-1);
  return newest === undefined ? null : { counter: chain.length - 1, digest: newest };
}
