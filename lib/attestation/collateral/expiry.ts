import type { ItemFacts } from './describe-item.ts';

const DAY_MS = 86_400_000;
/** Days before the end at which people are warned. */
export const WARNING_DAYS = 7;

/** Whether an item can be used at `at`, milliseconds since 1970. */
export type Expiry = 'valid' | 'expires soon' | 'expired';

export function expiryOf({ validUntil }: Pick<ItemFacts, 'validUntil'>, at: number): Expiry {
  if (at > validUntil) return 'expired';
  return validUntil - at < WARNING_DAYS * DAY_MS ? 'expires soon' : 'valid';
}
