const LIMB = 2 ** 16;
/** 2^20 products below 2^32 stay below 2^53, where float64 integers are exact. */
const TERMS_PER_BLOCK = 2 ** 20;

/** Σ v² without rounding, for any int32 vector: squares reach 2^62, so they are summed in 16-bit limbs. */
export function squaredNorm(vector: Int32Array): bigint {
  let total = 0n;
  for (let start = 0; start < vector.length; start += TERMS_PER_BLOCK) {
    total += blockNorm(vector.subarray(start, start + TERMS_PER_BLOCK));
  }
  return total;
}

/** True when √(Σ v²) ≤ bound exactly; `bound` is an integer from 0 to 2^53 − 1. */
export const isWithinNorm = (vector: Int32Array, bound: number): boolean => squaredNorm(vector) <= BigInt(bound) ** 2n;

function blockNorm(block: Int32Array): bigint {
  let highs = 0;
  let mixed = 0;
  let lows = 0;
  for (const value of block) {
    const magnitude = Math.abs(value);
    const high = Math.floor(magnitude / LIMB);
    const low = magnitude % LIMB;
    highs += high * high;
    mixed += high * low;
    lows += low * low;
  }
  return (BigInt(highs) << 32n) + (BigInt(mixed) << 17n) + BigInt(lows);
}
