import { RefusalError } from '../../core/errors.ts';
import type { Collateral } from '../collateral/collateral.ts';
import type { CollateralState } from '../collateral/collateral-state.ts';
import { WHAT } from '../collateral/describe-item.ts';
import { expiryOf } from '../collateral/expiry.ts';
import { isOlder } from '../collateral/marks.ts';
import type { CollateralSource } from '../hardware-verifier.ts';
import { newestGeneration, readFolder } from './collateral-folder.ts';

const CHECK_INTERVAL_MS = 60_000;

export interface CollateralPorts {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** One line for the log, no secret. */
  readonly warn: (message: string) => void;
}

/**
 * The folder as a program sees it. Looks for a newer state at most once a minute, when it is asked, and warns once of
 * each item that expires within seven days and once when it has expired. A folder that is gone, damaged or replaced by
 * an older copy while the program runs is warned of, and what was read before stays. Throws RefusalError
 * (E-STORE-PATH, E-STORE-DAMAGED) where it cannot be read at the start.
 */
export function openCollateral(folder: string, { now, warn }: CollateralPorts): CollateralSource {
  let read = readFolder(folder);
  let items: Collateral = itemsOf(read.state);
  let checkedAt = now();
  const warned = new Set<string>();
  const warnOnce = (message: string): void => {
    if (!warned.has(message)) warn(message);
    warned.add(message);
  };
  const warnOfExpiry = (): void => {
    for (const { facts } of read.state.held) {
      const expiry = expiryOf(facts, checkedAt);
      const until = new Date(facts.validUntil).toISOString();
      if (expiry !== 'valid') warnOnce(`collateral: ${WHAT[facts.kind]} of ${facts.about}: ${expiry} (${until})`);
    }
  };
  const reload = (): void => {
    const newest = newestGeneration(folder);
    if (newest === read.generation) return;
    const next = newest > read.generation ? readFolder(folder) : null;
    if (next === null || isStepBack(next.state, read.state)) {
      warnOnce(`collateral: ${folder} was replaced by an older copy; what was read before is kept`);
      return;
    }
    read = next;
    items = itemsOf(next.state);
  };
  const check = (): void => {
    const at = now();
    if (at - checkedAt < CHECK_INTERVAL_MS && at >= checkedAt) return;
    checkedAt = at;
    try {
      reload();
    } catch (fault) {
      const why = fault instanceof RefusalError ? fault.message : 'cannot be read';
      warnOnce(`collateral: ${why}; what was read before is kept`);
    }
    warnOfExpiry();
  };
  warnOfExpiry();
  return {
    current() {
      check();
      return items;
    },
    newestSignedMs() {
      check();
      return read.state.marks.newestSignedMs;
    },
  };
}

const itemsOf = ({ held }: CollateralState): Collateral => held.map(({ item }) => item);

/** Whether a mark that was seen is lower or gone. */
const isStepBack = (next: CollateralState, before: CollateralState): boolean =>
  next.marks.newestSignedMs < before.marks.newestSignedMs ||
  [...before.marks.bySubject].some(([subject, mark]) => {
    const now = next.marks.bySubject.get(subject);
    return now === undefined || isOlder(now, mark);
  });
