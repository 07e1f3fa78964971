import type { SealedContract } from '../contract/study-contract.ts';
import { bytesEqual } from '../core/bytes.ts';
import { encodeCbor } from '../core/cbor.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import type { Digest } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { MAX_MEDIAN_SKEW_MS } from './cohort.ts';
import type { Publication } from './passport-bundle.ts';
import { statementsInOrder, type PassportStatements } from './passport-statements.ts';

export const fail = (detail: string): Result<never, Refusal> => err(refusal('E-PASSPORT-INVALID', detail));

/** The statements of one attempt of one round, each following the one before (PROTOCOL §7). */
export function linked(statements: PassportStatements, sealed: SealedContract): Result<null, Refusal> {
  const { genesis, manifest, certificate, intent, release } = statements;
  if (statementsInOrder(statements).some(({ statement }) => !bytesEqual(statement.contract, sealed.digest)))
    return fail('a statement is for another contract');
  if (genesis.statement.counter !== 0 || genesis.statement.previous !== null)
    return fail('genesis is not the first statement');
  for (const [earlier, next] of [
    [manifest, certificate],
    [certificate, intent],
    [intent, release],
  ] as const) {
    const { previous, counter } = next.statement;
    if (counter !== earlier.statement.counter + 1 || previous === null || !bytesEqual(previous, earlier.digest)) {
      return fail(`${next.statement.type} does not follow ${earlier.statement.type}`);
    }
  }
  const rounds = [manifest, certificate, intent, release].map(
    ({ statement: { round, attempt } }) => `${round}/${attempt}`,
  );
  if (new Set(rounds).size !== 1) return fail('statements of several rounds');
  const references: readonly (readonly [Digest, Digest])[] = [
    [certificate.statement.manifest, manifest.digest],
    [intent.statement.certificate, certificate.digest],
    [release.statement.certificate, certificate.digest],
    [release.statement.intent, intent.digest],
    [release.statement.parent, manifest.statement.parent],
  ];
  return references.every(([a, b]) => bytesEqual(a, b)) ? ok(null) : fail('statements refer to one another wrongly');
}

/** What the enclave stated is what the contract allows: rounds, privacy terms, first model, validity. */
export function withinTerms(statements: PassportStatements, { contract }: SealedContract): Result<null, Refusal> {
  const { genesis, manifest, release } = statements;
  const { round, parent, privacy } = manifest.statement;
  if (!bytesEqual(genesis.statement.model, contract.model.initialDigest))
    return fail('genesis names other initial weights');
  if (!bytesEqual(encodeCbor(genesis.statement.predecessor), encodeCbor(contract.predecessor)))
    return fail('genesis names another predecessor than the contract');
  if (round > contract.rounds) return fail('a round beyond those of the contract');
  if (round === 1 && !bytesEqual(parent, genesis.statement.model)) return fail('round 1 begins with another model');
  if (!bytesEqual(encodeCbor(privacy), encodeCbor(contract.privacy)))
    return fail('other privacy terms than the contract');
  const times = statementsInOrder(statements).map(({ statement }) => statement.at);
  if (times.some((at, index) => at < (times[index - 1] ?? at) - MAX_MEDIAN_SKEW_MS))
    return fail('statements go back in time');
  const { notBefore, notAfter } = contract.validity;
  const valid = manifest.statement.at >= notBefore && manifest.statement.at < notAfter;
  return valid && release.statement.at >= notBefore ? ok(null) : fail('a round outside the validity of the contract');
}

/**
 * A boot is published when it begins: not after what it signed, and with a head that the chain had by then. The time
 * of a publication is the presenter's word; the statements around it, which hospitals answered, hold it in place.
 */
export function publishedInTime({ bootKey, at, head }: Publication, statements: PassportStatements): boolean {
  const signed = statementsInOrder(statements).filter(({ statement }) => bytesEqual(statement.bootKey, bootKey));
  const sameTime = signed.every(({ statement }) => at <= statement.at + MAX_MEDIAN_SKEW_MS);
  const bornWithIt = signed.every(
    ({ statement }) => statement.type !== 'genesis' || Math.abs(statement.at - at) <= MAX_MEDIAN_SKEW_MS,
  );
  const onChain = statementsInOrder(statements).every(
    ({ statement, digest }) => statement.counter !== head.counter || bytesEqual(digest, head.digest),
  );
  const knownPlace = statementsInOrder(statements).every(
    ({ statement, digest }) => !bytesEqual(digest, head.digest) || statement.counter === head.counter,
  );
  return sameTime && bornWithIt && onChain && knownPlace && head.counter <= statements.release.statement.counter;
}
