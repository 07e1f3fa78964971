import { Metadata, status as grpcStatus, type StatusObject } from '@grpc/grpc-js';
import { z } from 'zod';
import { ERRORS, refusal, RefusalError, type ErrorCode, type Refusal } from '../core/errors.ts';
import { decodeDocument, encodeDocument } from '../contract/shapes.ts';
import { errorCode, line } from './field-shapes.ts';
import { plainLine } from './plain-line.ts';

/** Carries the refusal itself beside gRPC's coarse status code, as deterministic CBOR. */
export const REFUSAL_METADATA = 'consilium-refusal-bin';

/** Trailers share one header block with everything else; a refusal is one line, not a document. */
const MAX_DETAIL = 1000;
const MAX_COMPARED = 200;
const LIMITS = { maxBytes: 8 << 10, maxDepth: 2 };

const shape = z.strictObject({
  code: errorCode,
  detail: line(MAX_DETAIL),
  got: line(MAX_COMPARED).optional(),
  want: line(MAX_COMPARED).optional(),
});

/** What OpenSSL and node say when the other side turned down the TLS handshake, or we did. */
const TLS_REFUSAL = /\balert\b|certificate|tlsv1|ssl3?_|EPROTO|Hostname\/IP|secure TLS connection/i;
const TOO_LARGE = /larger than/;

/** Status, message and trailers of a refused call (codes: the table in core/errors.ts). */
export function statusFromRefusal({ code, detail, got, want }: Refusal): StatusObject {
  const metadata = new Metadata();
  const carried = {
    code,
    detail: plainLine(detail, MAX_DETAIL),
    ...(got === undefined ? {} : { got: plainLine(got, MAX_COMPARED) }),
    ...(want === undefined ? {} : { want: plainLine(want, MAX_COMPARED) }),
  };
  metadata.set(REFUSAL_METADATA, Buffer.from(encodeDocument(carried)));
  return { code: grpcStatus[ERRORS[code].grpc], details: `${code}: ${ERRORS[code].what}`, metadata };
}

/** Everything a RefusalError holds, folded into its first refusal. */
export function refusalFromThrown(thrown: unknown): Refusal | null {
  if (!(thrown instanceof RefusalError)) return null;
  const [first, ...others] = thrown.refusals;
  if (others.length === 0) return first;
  const more = others.map(({ code, detail }) => `${code} ${detail}`.trim());
  return { ...first, detail: [first.detail, ...more].join('; ') };
}

/**
 * The refusal that a status carries. A status without one comes from gRPC, from the network or from another program:
 * E-CHANNEL-SIZE, E-CHANNEL-TIMEOUT and E-TRANSPORT-CERTIFICATE where gRPC is specific, else E-TRANSPORT.
 */
export function refusalFromStatus({ code, details, metadata }: Partial<StatusObject>): Refusal {
  const [carried] = metadata?.get(REFUSAL_METADATA) ?? [];
  if (carried instanceof Uint8Array) {
    const decoded = decodeDocument(shape, Uint8Array.from(carried), { code: 'E-MESSAGE-INVALID', limits: LIMITS });
    if (decoded.ok) {
      const { got, want, ...rest } = decoded.value;
      return { ...rest, ...(got === undefined ? {} : { got }), ...(want === undefined ? {} : { want }) };
    }
  }
  return refusal(codeOf(code, details ?? ''), `status ${code === undefined ? 'unknown' : grpcStatus[code]}`);
}

function codeOf(code: grpcStatus | undefined, details: string): ErrorCode {
  if (code === grpcStatus.RESOURCE_EXHAUSTED && TOO_LARGE.test(details)) return 'E-CHANNEL-SIZE';
  if (code === grpcStatus.DEADLINE_EXCEEDED) return 'E-CHANNEL-TIMEOUT';
  if (code === grpcStatus.UNAVAILABLE && TLS_REFUSAL.test(details)) return 'E-TRANSPORT-CERTIFICATE';
  return 'E-TRANSPORT';
}

/** The refusal behind whatever a gRPC call threw or emitted. */
export function refusalFromError(error: unknown): Refusal {
  const own = refusalFromThrown(error);
  if (own !== null) return own;
  const isStatus = error instanceof Error && 'code' in error && typeof error.code === 'number';
  return isStatus ? refusalFromStatus(error as Partial<StatusObject>) : refusal('E-TRANSPORT', 'the connection broke');
}
