import { refusal, RefusalError } from '../core/errors.ts';
import type { Logger } from './logger.ts';

/** Collateral that expires or was put back, as lines of the log. It is about vendors and machines, never about patients. */
export const collateralWarnings =
  (log: Logger) =>
  (message: string): void => {
    log.warn('collateral.warning', {}, new RefusalError(refusal('E-ATTEST-COLLATERAL', message)));
  };
