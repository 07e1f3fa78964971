import { bytesEqual, toHex } from '../core/bytes.ts';
import { describeRefusal, refusal, type Refusal } from '../core/errors.ts';
import { hash } from '../core/hash.ts';
import type { Digest, Instant, PublicKey } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { openApproval } from '../contract/approval.ts';
import { openEndorsement } from '../contract/endorsement.ts';
import { openContract, type SealedContract } from '../contract/study-contract.ts';
import { openAcknowledgement } from './acknowledgement.ts';
import { openCohort, unmetCondition } from './cohort.ts';
import type { Commit } from './commit.ts';
import type { PassportBundle, Publication } from './passport-bundle.ts';
import { fail, linked, publishedInTime, withinTerms } from './passport-chain.ts';
import { privacyAsPromised } from './passport-privacy.ts';
import { openStatements, statementsInOrder, type PassportStatements } from './passport-statements.ts';
import { setRoot, sortContributions } from './set-root.ts';
import { headOf, type Intent, type Release, type SignedStatement } from './statement.ts';

/** What the verifier brings in its own hands; nothing of it is read from the bundle (PROTOCOL §7.7). */
export interface PassportTrust {
  /** Keys of the organisations that the verifier has confirmed, by id. */
  readonly organisationKeys: ReadonlyMap<string, PublicKey>;
  /** Appraises publication evidence under the contract's policy for the enclave, with the verifier's own vendor roots. */
  readonly appraise: (publication: Publication, sealed: SealedContract) => PublicationVerdict;
}

export interface PublicationVerdict {
  /** Every failed check; empty when the evidence is accepted. */
  readonly refusals: readonly Refusal[];
  /** Measurement that the evidence states; null when it could not be read. */
  readonly measurement: Digest | null;
  readonly simulated: boolean;
}

export interface PassportCheck {
  readonly name: string;
  readonly passed: boolean;
  readonly detail: string;
}

export interface PassportReport {
  readonly passed: boolean;
  readonly checks: readonly PassportCheck[];
  /** True unless every publication rests on real hardware. */
  readonly simulated: boolean;
  /** What the bundle says, for display; null when it could not be read. */
  readonly release: Release | null;
  readonly contract: SealedContract | null;
}

/** Re-checks one released model offline; every check is reported, passed or not. Total. */
export function verifyPassport(bundle: PassportBundle, trust: PassportTrust): PassportReport {
  const checks: PassportCheck[] = [];
  const note = <T>(name: string, result: Result<T, Refusal>, detail = ''): T | null => {
    checks.push({ name, passed: result.ok, detail: result.ok ? detail : describeRefusal(result.error) });
    return result.ok ? result.value : null;
  };
  const contract = note('contract', openContract(bundle.contract));
  const statements = note('statements signed', openStatements(bundle));
  if (contract === null || statements === null)
    return { passed: false, checks, simulated: true, release: null, contract };

  const { certificate, intent, release } = statements;
  const confirmed = note(
    'approvals by confirmed hospitals',
    confirmedApprovals(bundle, contract, trust, certificate.statement.at),
  );
  const simulated = notePublications({ bundle, contract, trust, statements, note });
  note('statement chain', linked(statements, contract));
  note('terms of the contract', withinTerms(statements, contract));
  note('noise and privacy spent', privacyAsPromised(statements, contract));
  const commits = note('cohort certificate', cohort(statements, contract));
  if (commits !== null && confirmed !== null) {
    note('cohort size', largeEnough({ commits, confirmed, intent: intent.statement, contract }));
    note('set root', accepted(intent.statement, commits));
    note('acknowledgements', acknowledged({ bundle, statements, contract, confirmed }));
  }
  note('result bound by intent', opensIntent(statements));
  const passed = checks.every((check) => check.passed);
  return { passed, checks, simulated, release: release.statement, contract };
}

/** H("weights", salt, child): what the Intent says about a result before it is released. */
export const resultCommitment = (salt: Uint8Array, child: Digest): Digest => hash('weights', salt, child);

/** Ids of confirmed organisations with a valid approval; refused when fewer than `k_min`. */
function confirmedApprovals(
  bundle: PassportBundle,
  sealed: SealedContract,
  trust: PassportTrust,
  at: Instant,
): Result<ReadonlySet<string>, Refusal> {
  const confirmed = new Set<string>();
  for (const bytes of bundle.approvals) {
    const approval = openApproval(bytes, { sealed, at });
    if (!approval.ok) return approval;
    const id = approval.value.document.organisation;
    const key = trust.organisationKeys.get(id);
    const named = sealed.contract.organisations.find((organisation) => organisation.id === id);
    if (key !== undefined && named !== undefined && bytesEqual(key, named.key)) confirmed.add(id);
  }
  return confirmed.size >= sealed.contract.kMin
    ? ok(confirmed)
    : err(
        refusal('E-APPROVALS-MISSING', 'confirmed', {
          got: String(confirmed.size),
          want: `at least ${sealed.contract.kMin}`,
        }),
      );
}

interface PublicationContext {
  readonly bundle: PassportBundle;
  readonly contract: SealedContract;
  readonly trust: PassportTrust;
  readonly statements: PassportStatements;
  readonly note: (name: string, result: Result<null, Refusal>, detail?: string) => unknown;
}

/** Every boot key that signed a statement must have been published by accepted evidence. Returns whether any was simulated. */
function notePublications({ bundle, contract, trust, statements, note }: PublicationContext): boolean {
  let simulated = false;
  const accepted: PublicKey[] = [];
  for (const publication of bundle.publications) {
    const verdict = trust.appraise(publication, contract);
    simulated ||= verdict.simulated;
    const name = `enclave evidence (boot key ${toHex(publication.bootKey).slice(0, 8)})`;
    const [first] = verdict.refusals;
    if (!bytesEqual(publication.contract, contract.digest)) note(name, fail('published for another contract'));
    else if (!bytesEqual(publication.genesis, statements.genesis.digest))
      note(name, fail('published for another genesis'));
    else if (first !== undefined)
      note(name, err({ ...first, detail: verdict.refusals.map(describeRefusal).join('; ') }));
    else if (!publishedInTime(publication, statements))
      note(name, fail('published at another time or place of the chain'));
    else {
      accepted.push(publication.bootKey);
      note(name, ok(null), verdict.simulated ? 'SIMULATED: protects nothing' : 'genuine');
    }
    const { software, bootKey } = statements.release.statement;
    if (
      bytesEqual(publication.bootKey, bootKey) &&
      (verdict.measurement === null || !bytesEqual(software, verdict.measurement))
    ) {
      note('software digest', fail('the passport names other software than the evidence'));
    }
  }
  const unknown = statementsInOrder(statements).find(
    ({ statement }) => !accepted.some((key) => bytesEqual(key, statement.bootKey)),
  );
  note(
    'boot keys published',
    unknown === undefined ? ok(null) : fail('a statement is signed by a boot key without accepted evidence'),
  );
  return simulated;
}

function cohort(
  { manifest, certificate }: PassportStatements,
  sealed: SealedContract,
): Result<readonly Commit[], Refusal> {
  const manifestHead = headOf(manifest);
  return openCohort(certificate.statement.members, {
    sealed,
    manifest: manifest.digest,
    knowsHead: (head) => head.counter === manifestHead.counter && bytesEqual(head.digest, manifestHead.digest),
    at: certificate.statement.at,
  });
}

interface CohortFacts {
  readonly commits: readonly Commit[];
  readonly confirmed: ReadonlySet<string>;
  readonly intent: Intent;
  readonly contract: SealedContract;
}

function largeEnough({ commits, confirmed, intent, contract: { contract } }: CohortFacts): Result<null, Refusal> {
  const ids = intent.members.map(({ organisation }) => organisation);
  const counted = ids.filter((id) => confirmed.has(id)).length;
  const compared = { got: String(counted), want: `at least ${contract.kMin}` };
  if (counted < contract.kMin) return err(refusal('E-COHORT-UNCONFIRMED', '', compared));
  const missing = contract.requireSites.find((id) => !ids.includes(id));
  if (missing !== undefined) return err(refusal('E-COHORT-REQUIRED', missing));
  const unhappy = unmetCondition(commits.filter(({ organisation }) => ids.includes(organisation)));
  return unhappy === null ? ok(null) : err(refusal('E-COHORT-REQUIRED', `conditions of ${unhappy}`));
}

function accepted(intent: Intent, commits: readonly Commit[]): Result<null, Refusal> {
  const ids = intent.members.map(({ organisation }) => organisation);
  if (new Set(ids).size !== ids.length) return fail('a member stands twice in the intent');
  if (ids.some((id) => !commits.some(({ organisation }) => organisation === id)))
    return fail('the intent holds a member without commit');
  const sorted = sortContributions(intent.members).map(({ organisation }) => organisation);
  if (sorted.join() !== ids.join()) return fail('members of the intent are not in order');
  return bytesEqual(intent.setRoot, setRoot(intent.members)) ? ok(null) : fail('the set root differs from the members');
}

interface AcknowledgementFacts {
  readonly bundle: PassportBundle;
  readonly statements: PassportStatements;
  readonly contract: SealedContract;
  readonly confirmed: ReadonlySet<string>;
}

function acknowledged({
  bundle,
  statements: { intent, release },
  contract: sealed,
  confirmed,
}: AcknowledgementFacts): Result<null, Refusal> {
  const acknowledgers = new Set<string>();
  for (const { acknowledgement, endorsement } of bundle.acknowledgements) {
    const opened = openMemberAcknowledgement({
      acknowledgement,
      endorsement,
      intent,
      sealed,
      at: release.statement.at,
      // The enclave took it between the two; an endorsement that ran out before the release was good when it counted.
      since: intent.statement.at,
    });
    if (!opened.ok) return opened;
    acknowledgers.add(opened.value);
  }
  const enough = acknowledgementsNeeded(sealed, intent.statement.members.length);
  const short = (got: number, want: number, whose: string): Result<null, Refusal> =>
    err(refusal('E-ACKS-MISSING', whose, { got: String(got), want: `at least ${want}` }));
  if (acknowledgers.size < enough) return short(acknowledgers.size, enough, '');
  const known = [...acknowledgers].filter((id) => confirmed.has(id)).length;
  const { kMin } = sealed.contract;
  return known < kMin ? short(known, kMin, 'of confirmed hospitals') : ok(null);
}

/** All accepted sites, or more than n − k_min + f approved ones, whichever is fewer, and never below k_min (PROTOCOL §7.6–7.7). */
export function acknowledgementsNeeded({ contract }: SealedContract, acceptedSites: number): number {
  const many = contract.organisations.length - contract.kMin + contract.toleratedColluders + 1;
  return Math.max(contract.kMin, Math.min(acceptedSites, many));
}

interface MemberAcknowledgement {
  readonly acknowledgement: Uint8Array;
  readonly endorsement: Uint8Array;
  readonly intent: SignedStatement<Intent>;
  readonly sealed: SealedContract;
  readonly at: Instant;
  /** See `openEndorsement`. */
  readonly since?: Instant;
}

/** The organisation behind an acknowledgement, after every check (PROTOCOL §7.6). */
export function openMemberAcknowledgement(
  facts: MemberAcknowledgement,
): Result<Intent['members'][number]['organisation'], Refusal> {
  const { sealed, intent, at, since } = facts;
  const endorsement = openEndorsement(facts.endorsement, {
    contract: sealed.contract,
    contractDigest: sealed.digest,
    at,
    ...(since === undefined ? {} : { since }),
  });
  if (!endorsement.ok) return endorsement;
  const acknowledgement = openAcknowledgement(facts.acknowledgement);
  if (!acknowledgement.ok) return acknowledgement;
  const { organisation, bootKey, contract, intent: answered } = acknowledgement.value.document;
  const refuse = (why: string): Result<never, Refusal> => err(refusal('E-ACK-INVALID', `${organisation}: ${why}`));
  if (endorsement.value.document.organisation !== organisation) return refuse('endorsement of another organisation');
  if (!bytesEqual(endorsement.value.document.bootKey, bootKey)) return refuse('signed by a key that is not endorsed');
  if (!bytesEqual(contract, sealed.digest)) return refuse('another contract');
  if (!bytesEqual(answered, intent.digest)) return refuse('another intent');
  if (!intent.statement.members.some((member) => member.organisation === organisation))
    return refuse('not in the accepted set');
  return ok(organisation);
}

function opensIntent({ intent, release }: PassportStatements): Result<null, Refusal> {
  const { resultSalt, child, cohortSize } = release.statement;
  if (!bytesEqual(resultCommitment(resultSalt, child), intent.statement.result))
    return fail('the model is not the one that was acknowledged');
  return cohortSize === intent.statement.members.length
    ? ok(null)
    : fail('the cohort size differs from the accepted set');
}
