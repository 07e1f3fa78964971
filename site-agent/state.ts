import type { Chain } from '../lib/audit/chain.ts';
import type { Publication } from '../lib/audit/passport-bundle.ts';
import type { PassportTrust } from '../lib/audit/passport.ts';
import type { UpdateHeader } from '../lib/audit/session-message.ts';
import type { Certificate, Intent, Manifest, SignedStatement } from '../lib/audit/statement.ts';
import type { Head } from '../lib/contract/shapes.ts';
import type { SealedContract } from '../lib/contract/study-contract.ts';
import type { Signer } from '../lib/core/ed25519.ts';
import type { Digest, OrganisationId, PublicKey } from '../lib/core/ids.ts';
import type { ParameterLayout } from '../lib/learning/layout.ts';

/** The hospital's own rules on top of the contract; they can only be stricter (PROTOCOL §6.3). */
export interface Overlay {
  /** Organisation keys confirmed by telephone, by id; the hospital's own is among them. */
  readonly confirmedKeys: ReadonlyMap<OrganisationId, PublicKey>;
  /** Smallest released set this hospital accepts; at least the contract's `k_min`. */
  readonly minimum: number;
  readonly requireCoParticipants: readonly OrganisationId[];
}

/** Constant for one boot of the agent. */
export interface SiteEnvironment {
  readonly sealed: SealedContract;
  readonly layout: ParameterLayout;
  readonly organisation: OrganisationId;
  /** `BOOT_i`. */
  readonly signer: Signer;
  readonly overlay: Overlay;
  readonly appraise: PassportTrust['appraise'];
}

/** A model by its name: its weights are in the store beside the log (kept-models.ts), in no state and no event of it. */
export interface ModelName {
  /** Rounds released so far; 0: initial weights. */
  readonly round: number;
  readonly digest: Digest;
}

export interface SiteModel extends ModelName {
  readonly weights: Float32Array;
}

/** A commit outlives the boot key that signed it: its endorsement travels with it (PROTOCOL §7.3). */
export interface SentCommit {
  readonly commit: Uint8Array;
  readonly endorsement: Uint8Array;
}

/** The newest commit under this hospital's name that it knows of. */
export interface OwnCommit {
  readonly commit: Uint8Array;
  /** True: read in a certificate, not remembered. */
  readonly recovered: boolean;
}

interface Joined {
  readonly manifest: SignedStatement<Manifest>;
}
interface Certified extends Joined {
  readonly certificate: SignedStatement<Certificate>;
}

export type Activity =
  | { readonly phase: 'waiting' }
  | ({ readonly phase: 'committed' } & Joined & SentCommit)
  | ({ readonly phase: 'training' } & Certified)
  | ({ readonly phase: 'uploading'; readonly header: UpdateHeader } & Certified)
  | ({
      readonly phase: 'acknowledged';
      readonly intent: SignedStatement<Intent>;
      readonly acknowledgement: Uint8Array;
    } & Certified);

export interface SiteState {
  readonly chain: Chain;
  /** Boot keys of the enclave that were attested in a session or by publication evidence. */
  readonly trustedBootKeys: readonly PublicKey[];
  /** Accepted publications by boot key (hex). A key attested in a session gets its own with the next statements. */
  readonly publications: ReadonlyMap<string, Publication>;
  /** The statement at the head of `chain`; null before the first. */
  readonly newest: SignedStatement | null;
  /** Newest model whose weights are here. */
  readonly model: ModelName;
  /** Newest released model as the chain tells it; its weights may still be on their way. */
  readonly released: ModelName & {
    /** Of the release statement; null before the first. */
    readonly head: Head | null;
  };
  /** Parent digest (hex) → commitment of the one update this hospital sends for it (PROTOCOL §7.5). */
  readonly spent: ReadonlyMap<string, Digest>;
  /** null before the first. */
  readonly ownCommit: OwnCommit | null;
  /**
   * Counter of the statement that showed this hospital something it did and does not remember: its store is an old copy,
   * or somebody else uses its key (PROTOCOL §7.13). Null: nothing did, or somebody accepted it.
   */
  readonly behind: number | null;
  /** The signed withdrawal, sent in every session from then on; null while the hospital takes part. */
  readonly withdrawal: Uint8Array | null;
  /** The contract under which this store went on; null while it works under this one. */
  readonly supersededBy: Digest | null;
  readonly activity: Activity;
}

export function initialSiteState({ round, digest }: ModelName): SiteState {
  return {
    chain: [],
    trustedBootKeys: [],
    publications: new Map(),
    newest: null,
    model: { round, digest },
    released: { round, digest, head: null },
    spent: new Map(),
    ownCommit: null,
    behind: null,
    withdrawal: null,
    supersededBy: null,
    activity: { phase: 'waiting' },
  };
}
