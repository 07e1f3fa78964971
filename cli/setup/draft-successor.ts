import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { releaseOf } from '../../lib/audit/predecessor.ts';
import type { AppraisalPolicy } from '../../lib/contract/appraisal-policy.ts';
import { draftSuccessor, type LastRelease, type SuccessorDraft } from '../../lib/contract/draft-successor.ts';
import type { Organisation, SealedContract } from '../../lib/contract/study-contract.ts';
import { bytesEqual, toHex } from '../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import type { Digest, Instant, PublicKey } from '../../lib/core/ids.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { modelDigest } from '../../lib/learning/weights.ts';
import { brokenTerm } from '../../lib/audit/broken-term.ts';
import type { NamedKey } from './confirmed-keys.ts';
import { measure } from './draft.ts';
import type { MeasuredProgram } from './program-entries.ts';
import { verifyModel } from './verify-model.ts';

interface Passport {
  readonly previous: SealedContract;
  readonly bundle: Uint8Array;
  /** From the drafter's own hands; null: those that the contract before names. */
  readonly organisations: readonly NamedKey[] | null;
  readonly simulatedRoots: readonly PublicKey[];
}

/** The release behind a passport of `previous`. Throws RefusalError E-PASSPORT-INVALID or E-PREDECESSOR-INVALID. */
export function verifiedRelease({ previous, bundle, organisations, simulatedRoots }: Passport): LastRelease {
  const keys = organisations ?? previous.contract.organisations;
  const report = verifyModel({ bundle, model: null, organisations: keys, simulatedRoots, requireHardware: false });
  const failed = report.checks.filter(({ passed }) => !passed).map(({ name }) => name);
  if (!report.passed) throw new RefusalError(refusal('E-PASSPORT-INVALID', failed.join(', ')));
  const decoded = decodeBundle(bundle);
  const release = decoded.ok ? releaseOf(decoded.value) : decoded;
  if (!release.ok) throw new RefusalError(release.error);
  const { contract } = release.value;
  if (bytesEqual(contract.digest, previous.digest)) return release.value;
  const compared = { got: toHex(contract.digest), want: toHex(previous.digest) };
  throw new RefusalError(refusal('E-PREDECESSOR-INVALID', 'the passport is of another contract', compared));
}

export interface SuccessorOptions {
  readonly previous: SealedContract;
  readonly release: LastRelease;
  readonly at: Instant;
  readonly organisations?: readonly Organisation[];
  readonly rounds?: number;
  readonly kMin?: number;
  readonly validityMs?: number;
  /** Public seed of fresh initial weights; absent: goes on from the released model. */
  readonly beginAnewFrom?: number;
  /** Accepted measurements; absent: those of this very source. */
  readonly measurements: { readonly enclave?: readonly Digest[]; readonly site?: readonly Digest[] };
  /** Accepted machines; absent: those of the contract before. */
  readonly instances: { readonly enclave?: readonly string[]; readonly site?: readonly string[] };
}

/** The successor of a verified release. Throws RefusalError when it breaks a rule. */
export function draftSuccessorContract(options: SuccessorOptions): SealedContract {
  const { previous, measurements, instances, beginAnewFrom, release, at, ...replaced } = options;
  const { appraisal, environment } = previous.contract;
  const policy = (party: 'enclave' | 'site'): AppraisalPolicy => {
    const program: MeasuredProgram = environment === 'simulation' ? `${party}-simulation` : party;
    const machines = instances[party];
    return {
      ...appraisal[party],
      measurements: [...(measurements[party] ?? [measure(program).digest])],
      ...(machines === undefined ? {} : { instances: [...machines] }),
    };
  };
  const drafted = draftSuccessor({
    ...replaced,
    previous,
    release,
    at,
    appraisal: { enclave: policy('enclave'), site: policy('site') },
    ...(beginAnewFrom === undefined ? {} : { beginAnew: anew(previous, beginAnewFrom) }),
  });
  if (!drafted.ok) throw new RefusalError(drafted.error);
  const broken = brokenTerm(drafted.value.contract);
  if (broken !== null) throw new RefusalError(refusal('E-CONTRACT-INVALID', broken));
  return drafted.value;
}

function anew({ contract: { model } }: SealedContract, seed: number): NonNullable<SuccessorDraft['beginAnew']> {
  const initial = { kind: 'glorot-uniform', seed } as const;
  return { initial, initialDigest: modelDigest(model.layoutDigest, initialWeights({ ...model.spec, initial })) };
}
