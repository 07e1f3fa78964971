import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import { ofKind, type Collateral } from '../collateral/collateral.ts';
import { parseRim } from '../nvidia-gpu/rim.ts';
import { requestText, type CollateralRequest } from './collateral-request.ts';
import { answersFor } from './needed-collateral.ts';
import type { CollateralFetcher } from './vendor-fetcher.ts';

export interface FetchPorts<T> {
  readonly fetcher: CollateralFetcher;
  /** Verifies and keeps the items of one answer. */
  readonly accept: (items: Collateral) => Result<T, readonly Refusal[]>;
  /** Called after each request. */
  readonly report: (what: string, outcome: Result<T, readonly Refusal[]>) => void;
}

/**
 * Asks for one thing after the other; what one vendor refuses keeps nothing else from being fetched. Only a RIM says
 * who signed it, so that the OCSP answers about its signers are asked for once it is there.
 */
export async function fetchNeeded<T>(
  requests: readonly CollateralRequest[],
  { fetcher, accept, report }: FetchPorts<T>,
): Promise<void> {
  const queue = [...requests];
  const asked = new Set<string>();
  for (let request = queue.shift(); request !== undefined; request = queue.shift()) {
    const what = requestText(request);
    if (asked.has(what)) continue;
    asked.add(what);
    const answer = await fetcher.fetch(request);
    const outcome = answer.ok ? accept(answer.value) : { ok: false as const, error: [answer.error] };
    report(what, outcome);
    if (answer.ok && outcome.ok) queue.push(...signersOf(answer.value));
  }
}

const signersOf = (items: Collateral): CollateralRequest[] =>
  ofKind(items, 'rim').flatMap(({ text }) => {
    const rim = parseRim(text);
    return rim.ok ? answersFor(rim.value.signature.certificates) : [];
  });
