import { randomBytes } from 'node:crypto';

/** `length` unpredictable bytes. Seeded only in simulation (PROTOCOL §2.4). */
export type Random = (length: number) => Uint8Array;

/** The operating system's CSPRNG. */
export const systemRandom: Random = (length) => new Uint8Array(randomBytes(length));
