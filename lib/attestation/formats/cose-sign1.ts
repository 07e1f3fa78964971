import { encodeCbor } from '../../core/cbor.ts';
import { Malformed } from './malformed.ts';
import { isCborArray, readCbor } from './strict-cbor.ts';

const COSE_SIGN1_TAG = 18;
const ALGORITHM_LABEL = 1;
const MAX_PROTECTED_BYTES = 64;

/** ECDSA with SHA-384 (RFC 9053 §2.1, IANA "COSE Algorithms"). */
export const ES384 = -35;

/** COSE_Sign1 (RFC 9052 §4.2) with the algorithm as its only header; byte strings are views into the input. */
export interface CoseSign1 {
  /** Content of the protected header's byte string, as received: it is what was signed. */
  readonly protectedHeader: Uint8Array;
  /** As the protected header names it; the verifier decides which one it accepts. */
  readonly algorithm: number;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** With or without tag 18. Headers other than the algorithm (`kid`, `crit`, `x5chain`) are refused. Throws Malformed. */
export function readCoseSign1(bytes: Uint8Array): CoseSign1 {
  const parts = readCbor(bytes, { maxDepth: 2, maxItems: 16, optionalTag: COSE_SIGN1_TAG });
  if (!isCborArray(parts) || parts.length !== 4) throw new Malformed('no COSE_Sign1 of four parts');
  const [protectedHeader, unprotected, payload, signature] = parts;
  if (!(protectedHeader instanceof Uint8Array) || protectedHeader.length > MAX_PROTECTED_BYTES) {
    throw new Malformed('the protected header is no short byte string');
  }
  const header = readCbor(protectedHeader, { maxDepth: 1, maxItems: 8 });
  const algorithm =
    header instanceof Map && header.size === 1
      ? (header as ReadonlyMap<unknown, unknown>).get(ALGORITHM_LABEL)
      : undefined;
  if (typeof algorithm !== 'number') throw new Malformed('the protected header is not just an algorithm');
  if (!(unprotected instanceof Map) || unprotected.size !== 0)
    throw new Malformed('the unprotected header is not empty');
  if (!(payload instanceof Uint8Array) || !(signature instanceof Uint8Array)) {
    throw new Malformed('payload or signature is no byte string');
  }
  return { protectedHeader, algorithm, payload, signature };
}

/** Sig_structure (RFC 9052 §4.4) without external data: the bytes under the signature. */
export const coseSigned = ({ protectedHeader, payload }: CoseSign1): Uint8Array =>
  encodeCbor(['Signature1', protectedHeader, new Uint8Array(0), payload]);
