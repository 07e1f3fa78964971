import type { Refusal } from '../../../lib/core/errors.ts';
import type { Result } from '../../../lib/core/result.ts';

/** `opened`, or the refusal as `code: detail`. */
export const outcome = (result: Result<unknown, Refusal>): string =>
  result.ok ? 'opened' : `${result.error.code}: ${result.error.detail}`;
