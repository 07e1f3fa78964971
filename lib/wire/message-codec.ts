import type { z } from 'zod';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { describeIssues } from '../contract/shapes.ts';
import type { WireType } from './load-proto.ts';

/** Protobuf bytes ⇄ one checked message. */
export interface MessageCodec<T> {
  /** Throws on a message that `decode` would refuse: such a message is the sender's bug. */
  encode(message: T): Buffer;
  /** Total: hostile bytes give E-MESSAGE-INVALID naming the message and every bad field, never a throw. */
  decode(bytes: Uint8Array): Result<T, Refusal>;
}

interface CodecParts<T, Wire extends object> {
  readonly name: string;
  readonly type: WireType<Wire>;
  /** From the plain object that the protobuf library gives to the checked message. */
  readonly shape: z.ZodType<T>;
  readonly toWire: (message: T) => Wire;
}

export function messageCodec<T, Wire extends object>({
  name,
  type,
  shape,
  toWire,
}: CodecParts<T, Wire>): MessageCodec<T> {
  const decode = (bytes: Uint8Array): Result<T, Refusal> => {
    const parsed = deserialize(type, bytes);
    if (parsed === null) return err(refusal('E-MESSAGE-INVALID', `${name}: not protobuf`));
    const checked = shape.safeParse(parsed);
    return checked.success
      ? ok(checked.data)
      : err(refusal('E-MESSAGE-INVALID', `${name}: ${describeIssues(checked.error)}`));
  };
  const encode = (message: T): Buffer => {
    const bytes = type.serialize(toWire(message));
    const own = decode(bytes);
    if (!own.ok) throw new RangeError(`a message of ours breaks its own rules: ${own.error.detail}`);
    return bytes;
  };
  return { encode, decode };
}

function deserialize(type: WireType<never>, bytes: Uint8Array): object | null {
  try {
    return type.deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    // The library throws RangeError, TypeError and plain Error alike; none of them is ours.
    return null;
  }
}
