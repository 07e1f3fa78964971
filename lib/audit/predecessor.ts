import { openContract, type SealedContract } from '../contract/study-contract.ts';
import { bytesEqual, toHex } from '../core/bytes.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import type { Digest } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Head } from '../contract/shapes.ts';
import { decodeBundle, type PassportBundle } from './passport-bundle.ts';
import { verifyPassport, type PassportTrust } from './passport.ts';
import { headOf, openStatementAs } from './statement.ts';

/** What a passport bundle says that it is of, before anything in it is believed. */
export interface ReleaseOf {
  readonly contract: SealedContract;
  readonly round: number;
  readonly head: Head;
  readonly child: Digest;
}

/** The release and the contract of a bundle. Checks no evidence: `verifyPassport` does. */
export function releaseOf(bundle: PassportBundle): Result<ReleaseOf, Refusal> {
  const contract = openContract(bundle.contract);
  if (!contract.ok) return contract;
  const release = openStatementAs(bundle.release, 'release', 'E-PASSPORT-INVALID');
  if (!release.ok) return release;
  const { round, child } = release.value.statement;
  return ok({ contract: contract.value, round, head: headOf(release.value), child });
}

interface Successor {
  readonly sealed: SealedContract;
  /** True when the contract goes on from the released model, false when it begins anew. */
  readonly continues: boolean;
}

/**
 * The bundle that a successor contract names as its past: contract, round and head, and the model where it goes on from
 * it (PROTOCOL §6.1). E-PREDECESSOR-INVALID for any other bundle. Checks no evidence. Total.
 */
export function openPredecessor(
  bytes: Uint8Array,
  { sealed: { contract }, continues }: Successor,
): Result<{ readonly bundle: PassportBundle; readonly release: ReleaseOf }, Refusal> {
  const { predecessor, model, study, environment } = contract;
  if (predecessor === null) return invalid('this contract succeeds no other');
  const bundle = decodeBundle(bytes);
  if (!bundle.ok) return invalid(bundle.error.detail);
  const release = releaseOf(bundle.value);
  if (!release.ok) return invalid(release.error.detail);
  const { contract: before, round, head, child } = release.value;
  if (!bytesEqual(before.digest, predecessor.contract)) return differs('contract', before.digest, predecessor.contract);
  if (head.counter !== predecessor.head.counter || !bytesEqual(head.digest, predecessor.head.digest))
    return differs('head', head.digest, predecessor.head.digest);
  if (round !== predecessor.round) return invalid(`round: got ${round}, want ${predecessor.round}`);
  if (before.contract.study.id !== study.id) return invalid('study.id: another study');
  if (before.contract.environment !== environment) return invalid('environment: simulation and production do not mix');
  if (continues) {
    if (!bytesEqual(before.contract.model.layoutDigest, model.layoutDigest))
      return differs('model.layoutDigest', before.contract.model.layoutDigest, model.layoutDigest);
    if (!bytesEqual(child, model.initialDigest)) return differs('model.initialDigest', child, model.initialDigest);
  }
  return ok({ bundle: bundle.value, release: release.value });
}

/**
 * `openPredecessor`, then every check of a passport (PROTOCOL §7.7), with the organisation keys of the contract before:
 * the hospitals that approved the successor approved its digest. E-PREDECESSOR-INVALID names the checks that failed.
 */
export function verifyPredecessor(
  bytes: Uint8Array,
  successor: Successor,
  appraise: PassportTrust['appraise'],
): Result<null, Refusal> {
  const opened = openPredecessor(bytes, successor);
  if (!opened.ok) return opened;
  const { organisations } = opened.value.release.contract.contract;
  const organisationKeys = new Map<string, (typeof organisations)[number]['key']>(
    organisations.map(({ id, key }) => [id, key]),
  );
  const { checks } = verifyPassport(opened.value.bundle, { organisationKeys, appraise });
  const failed = checks.filter(({ passed }) => !passed);
  return failed.length === 0 ? ok(null) : invalid(`passport: ${failed.map(({ name }) => name).join(', ')}`);
}

const invalid = (detail: string): Result<never, Refusal> => err(refusal('E-PREDECESSOR-INVALID', detail.slice(0, 400)));

const differs = (field: string, got: Uint8Array, want: Uint8Array): Result<never, Refusal> =>
  err(refusal('E-PREDECESSOR-INVALID', field, { got: toHex(got), want: toHex(want) }));
