import type { ModelSpec } from '../contract/model-spec.ts';
import { encodeCbor } from '../core/cbor.ts';
import { hash } from '../core/hash.ts';
import type { Digest } from '../core/ids.ts';

/** One tensor inside the flat parameter vector, row-major. */
export interface LayoutTensor {
  /** `dense-1/kernel`, `dense-1/bias`, `dense-2/kernel`, … */
  readonly name: string;
  /** Kernel: [inputs of the layer, units]; bias: [units]. */
  readonly shape: readonly number[];
  /** First coordinate in the flat vector. */
  readonly offset: number;
  /** Number of coordinates. */
  readonly length: number;
}

/** How a model's weights lie in one flat float32 vector; every update and model file follows it. */
export interface ParameterLayout {
  readonly tensors: readonly LayoutTensor[];
  /** Coordinates of the whole vector. */
  readonly length: number;
  /** H("layout", deterministic CBOR of tensors and length); the contract pins it (PROTOCOL §6). */
  readonly digest: Digest;
}

/** Layers in order, each its kernel and then its bias, without gaps. */
export function layoutOf(spec: ModelSpec): ParameterLayout {
  const tensors: LayoutTensor[] = [];
  let offset = 0;
  const append = (name: string, shape: readonly number[]): void => {
    const length = shape.reduce((product, size) => product * size, 1);
    tensors.push({ name, shape, offset, length });
    offset += length;
  };
  let inputs = spec.inputs;
  spec.layers.forEach(({ units }, index) => {
    append(`dense-${index + 1}/kernel`, [inputs, units]);
    append(`dense-${index + 1}/bias`, [units]);
    inputs = units;
  });
  const document = tensors.map(({ name, shape, offset, length }) => ({ name, shape, offset, length }));
  return { tensors, length: offset, digest: hash('layout', encodeCbor({ tensors: document, length: offset })) };
}
