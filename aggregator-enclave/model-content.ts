import { z } from 'zod';
import { bytesUpTo, decodeDocument, encodeDocument } from '../lib/contract/shapes.ts';
import type { CborLimits } from '../lib/core/cbor.ts';
import { refusal, type Refusal } from '../lib/core/errors.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import type { ParameterLayout } from '../lib/learning/layout.ts';
import { decodeServerState, encodeServerState } from '../lib/learning/server-state.ts';
import { decodeWeights, encodeWeights, modelDigest } from '../lib/learning/weights.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import type { CurrentModel, ModelContent } from './state.ts';

const MAX_BYTES = 1 << 30;
const LIMITS: CborLimits = { maxBytes: MAX_BYTES, maxDepth: 2 };
const stored = z.strictObject({
  format: z.literal('consilium/model-content/v1'),
  weights: bytesUpTo(MAX_BYTES),
  server: bytesUpTo(MAX_BYTES),
});

/** Deterministic CBOR {format, weights, server}. */
export const encodeModelContent = ({ weights, server }: ModelContent): Uint8Array =>
  encodeDocument({
    format: 'consilium/model-content/v1',
    weights: encodeWeights(weights),
    server: encodeServerState(server),
  });

/** E-STORE-FORMAT for what is not the content of `model`. Total. */
export function decodeModelContent(
  bytes: Uint8Array,
  { digest }: CurrentModel,
  layout: ParameterLayout,
): Result<ModelContent, Refusal> {
  const decoded = decodeDocument(stored, bytes, { code: 'E-STORE-FORMAT', limits: LIMITS });
  if (!decoded.ok) return decoded;
  const weights = decodeWeights(decoded.value.weights, layout.length);
  const server = decodeServerState(decoded.value.server, layout.length);
  if (!server.ok) return server;
  if (!weights.ok || !bytesEqual(modelDigest(layout.digest, weights.value), digest))
    return err(refusal('E-STORE-FORMAT', 'stored weights of another model'));
  return ok({ weights: weights.value, server: server.value });
}
