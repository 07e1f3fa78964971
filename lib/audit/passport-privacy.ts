import type { SealedContract } from '../contract/study-contract.ts';
import { bytesEqual } from '../core/bytes.ts';
import { encodeCbor } from '../core/cbor.ts';
import type { Refusal } from '../core/errors.ts';
import { ok, type Result } from '../core/result.ts';
import { brokenPromise, ledgerOf, mechanismOf, protectionOf } from '../privacy/mechanism.ts';
import { fail } from './passport-chain.ts';
import type { PassportStatements } from './passport-statements.ts';

/** Other machines' logarithms may differ in the last bits. */
const TOLERANCE = 1e-9;

/**
 * The verifier's own account of the noise (PROTOCOL §7.7): ε of the manifest and of the passport, and the noise receipt,
 * follow from the contract and the round, and the plan keeps its own ε.
 */
export function privacyAsPromised(
  { manifest, release }: PassportStatements,
  { contract }: SealedContract,
): Result<null, Refusal> {
  const broken = brokenPromise(contract);
  if (broken !== null) return fail(broken);
  const mechanism = mechanismOf(contract);
  const { round, ledger } = manifest.statement;
  const { noise, epsilonSpent, epsilonLeft } = release.statement;
  const wanted = protectionOf(mechanism, round);
  if (!bytesEqual(encodeCbor(noise), encodeCbor(wanted.noise)))
    return fail('another noise receipt than the contract gives');
  const planned = ledgerOf(mechanism, round);
  const pairs = [
    [epsilonSpent, wanted.epsilonSpent],
    [epsilonLeft, wanted.epsilonLeft],
    [ledger?.epsilonBefore ?? null, planned?.epsilonBefore ?? null],
    [ledger?.epsilonAfter ?? null, planned?.epsilonAfter ?? null],
  ] as const;
  return pairs.every(([got, want]) => same(got, want))
    ? ok(null)
    : fail('another epsilon than the contract and the round give');
}

function same(got: number | null, want: number | null): boolean {
  if (got === null || want === null) return got === want;
  return Math.abs(got - want) <= TOLERANCE * (1 + Math.abs(want));
}
