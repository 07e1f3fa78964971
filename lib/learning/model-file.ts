import { z } from 'zod';
import { dataSchema } from '../contract/data-schema.ts';
import { modelSpec } from '../contract/model-spec.ts';
import { bytesUpTo, count, decodeDocument, digest, encodeDocument } from '../contract/shapes.ts';
import type { StudyContract } from '../contract/study-contract.ts';
import { bytesEqual } from '../core/bytes.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import type { Digest } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { layoutOf } from './layout.ts';
import { decodeWeights, encodeWeights, modelDigest } from './weights.ts';

const MAX_MODEL_BYTES = 1 << 30;

const modelFile = z.strictObject({
  format: z.literal('consilium/model/v1'),
  contract: digest,
  /** Rounds behind the model; 0: initial weights. */
  round: count,
  spec: modelSpec,
  schema: dataSchema,
  /** Names layout and weights and nothing else: what the passport calls the child. */
  digest,
  weights: bytesUpTo(MAX_MODEL_BYTES),
});

/** A model with what one needs to use it: its shape and how a hospital's file becomes its inputs. */
export interface ModelFile {
  readonly contract: Digest;
  readonly round: number;
  readonly spec: StudyContract['model']['spec'];
  readonly schema: StudyContract['schema'];
  readonly digest: Digest;
  readonly weights: Float32Array;
}

export const encodeModelFile = ({ weights, ...rest }: ModelFile): Uint8Array =>
  encodeDocument({ format: 'consilium/model/v1', ...rest, weights: encodeWeights(weights) });

/** E-MODEL-FILE for anything but a model whose weights match its own digest. Total. */
export function decodeModelFile(bytes: Uint8Array): Result<ModelFile, Refusal> {
  const decoded = decodeDocument(modelFile, bytes, {
    code: 'E-MODEL-FILE',
    limits: { maxBytes: MAX_MODEL_BYTES, maxDepth: 12 },
  });
  if (!decoded.ok) return decoded;
  const { format: _format, weights: weightBytes, ...rest } = decoded.value;
  const layout = layoutOf(rest.spec);
  const weights = decodeWeights(weightBytes, layout.length);
  if (!weights.ok) return weights;
  if (!bytesEqual(modelDigest(layout.digest, weights.value), rest.digest)) {
    return err(refusal('E-MODEL-FILE', 'the weights do not match the digest in the file'));
  }
  return ok({ ...rest, weights: weights.value });
}
