import { decodeCbor, encodeCbor } from '../core/cbor.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';

/** What a strategy remembers between rounds: first and second moments in layout order; null for FedAvg and round 1. */
export interface ServerState {
  readonly m: Float64Array | null;
  readonly v: Float64Array | null;
}

export const initialServerState: ServerState = { m: null, v: null };

const FLOAT64_BYTES = 8;

/** Deterministic CBOR {m, v}, each little-endian float64 bytes or null. */
export function encodeServerState({ m, v }: ServerState): Uint8Array {
  return encodeCbor({ m: m === null ? null : momentBytes(m), v: v === null ? null : momentBytes(v) });
}

/** Total; E-STORE-FORMAT for bytes that are not the state of a model with `length` parameters. */
export function decodeServerState(bytes: Uint8Array, length: number): Result<ServerState, Refusal> {
  const refused = (detail: string): Result<never, Refusal> => err(refusal('E-STORE-FORMAT', detail));
  const decoded = decodeCbor(bytes, { maxBytes: 64 + 2 * length * FLOAT64_BYTES, maxDepth: 1 });
  if (!decoded.ok) return refused(`server state: ${decoded.error.reason}`);
  const document = decoded.value;
  if (document === null || typeof document !== 'object' || !('m' in document && 'v' in document)) {
    return refused('server state: not {m, v}');
  }
  const m = momentOf(document['m'], length);
  const v = momentOf(document['v'], length);
  if (Object.keys(document).length !== 2 || m === undefined || v === undefined || (m === null) !== (v === null)) {
    return refused('server state: moments');
  }
  if (v?.some((value) => value < 0) === true) return refused('server state: negative second moment');
  return ok({ m, v });
}

function momentBytes(moment: Float64Array): Uint8Array {
  const bytes = new Uint8Array(moment.length * FLOAT64_BYTES);
  const view = new DataView(bytes.buffer);
  moment.forEach((value, i) => {
    view.setFloat64(i * FLOAT64_BYTES, value, true);
  });
  return bytes;
}

/** Undefined when `value` is neither null nor `length` finite numbers. */
function momentOf(value: unknown, length: number): Float64Array | null | undefined {
  if (value === null) return null;
  if (!(value instanceof Uint8Array) || value.length !== length * FLOAT64_BYTES) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const moment = Float64Array.from({ length }, (_, i) => view.getFloat64(i * FLOAT64_BYTES, true));
  return moment.every(Number.isFinite) ? moment : undefined;
}
