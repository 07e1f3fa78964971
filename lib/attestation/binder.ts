import type { Head } from '../contract/shapes.ts';
import { u64be, utf8 } from '../core/bytes.ts';
import { hash512 } from '../core/hash.ts';
import type { Digest, OrganisationId, PublicKey } from '../core/ids.ts';
import type { Role } from './claims.ts';

const EMPTY = new Uint8Array();

/** What one attestation is bound to (PROTOCOL §4.3). */
export interface BinderFields {
  readonly role: Role;
  /** 32 bytes exported from the session's key agreement for this role, nonce and attestation number. */
  readonly exportedKey: Uint8Array;
  /** The verifier's 32 bytes. */
  readonly nonce: Uint8Array;
  /** Counts the attester's attestations within the session, from 0. */
  readonly attestationSequence: number;
  readonly bootKey: PublicKey;
  /** Null for the enclave. */
  readonly organisation: OrganisationId | null;
  readonly contractDigest: Digest;
  /** Digest of the evidence of attached devices; null: none. */
  readonly deviceEvidence: Digest | null;
  /** Newest statement the attester knows. */
  readonly head: Head;
}

/** The 64 bytes that tie evidence to one session, role, key, contract and head. */
export class Binder {
  readonly #bytes: Uint8Array;

  constructor(fields: BinderFields) {
    this.#bytes = hash512(
      'attest',
      utf8(fields.role),
      fields.exportedKey,
      fields.nonce,
      u64be(fields.attestationSequence),
      fields.bootKey,
      fields.organisation === null ? EMPTY : utf8(fields.organisation),
      fields.contractDigest,
      fields.deviceEvidence ?? EMPTY,
      u64be(fields.head.counter),
      fields.head.digest,
    );
  }

  /** A copy: nobody can alter a binder after it was made. */
  get bytes(): Uint8Array {
    return this.#bytes.slice();
  }
}
