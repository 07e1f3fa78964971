import { z } from 'zod';

/** A field of exactly `length` bytes. */
export const exactBytes = (length: number): z.ZodType<Uint8Array> =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === length, `must be ${length} bytes`);
