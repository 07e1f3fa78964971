import { expect } from 'vitest';
import { publicationAppraiser } from '../../lib/audit/appraise-publication.ts';
import { acknowledgementsNeeded, resultCommitment, verifyPassport } from '../../lib/audit/passport.ts';
import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import type { Intent, SignedStatement, Statement } from '../../lib/audit/statement.ts';
import { bytesEqual, toHex } from '../../lib/core/bytes.ts';
import type { ErrorCode } from '../../lib/core/errors.ts';
import { hash } from '../../lib/core/hash.ts';
import type { Digest } from '../../lib/core/ids.ts';
import { openAcknowledgement } from '../../lib/audit/acknowledgement.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { addUpdate, averageDelta, emptySum } from '../../lib/learning/integer-sum.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { initialServerState } from '../../lib/learning/server-state.ts';
import { stepModel } from '../../lib/learning/strategy.ts';
import { decodeUpdate, SALT_BYTES, updateCommitment, type DecodedUpdate } from '../../lib/learning/update-codec.ts';
import { modelDigest } from '../../lib/learning/weights.ts';
import { must } from '../support/study-in-memory.ts';
import type { SiteProgram } from './site-program.ts';
import { evidenceOf, type StudyEvidence } from './study-evidence.ts';
import { verifiers, virtualNow } from './study-platform.ts';
import type { StudyUnderFaults } from './study-under-faults.ts';

/** What a finished study came to. */
export interface StudyOutcome {
  /** Digest of the last model, the same at every hospital. */
  readonly model: string;
  /** Codes of the attempts that were given up, oldest first. */
  readonly aborts: readonly ErrorCode[];
  /** Accepted hospitals of each released round. */
  readonly cohorts: readonly number[];
  readonly evidence: StudyEvidence;
}

/** The first record of the enclave's log is NOISE_ROOT, no event. */
const NOISE_ROOT_RECORDS = 1;

/** What holds in every study that has ended, whoever was killed in it; each by the section that promises it. */
export async function checkStudy(study: StudyUnderFaults): Promise<StudyOutcome> {
  const evidence = await evidenceOf(study);
  oneHistory(study, evidence);
  oneReleasePerParent(evidence);
  nothingOutBeforeAcknowledgements(study, evidence);
  everyIntentHasOneResult(evidence);
  for (const site of study.sites) {
    oneUpdatePerParent(site, evidence);
    everyUpdateIsPaidFor(study, site, evidence);
    intentsAreStored(site, evidence);
  }
  modelsDependOnTheSetAlone(study, evidence);
  passportsVerify(study);
  for (const program of study.programs) expect(program.bugs, program.name).toEqual([]);
  const models = new Set(study.sites.map(({ agent }) => toHex(agent?.state.model.digest ?? new Uint8Array())));
  expect(models.size, 'hospitals hold different models').toBe(1);
  return {
    model: [...models].join(),
    aborts: ofType(evidence.statements, 'abort').map(({ code }) => code),
    cohorts: ofType(evidence.statements, 'release').map(({ cohortSize }) => cohortSize),
    evidence,
  };
}

/** PROTOCOL §7: what anybody was ever shown is on the enclave's disk, and everybody followed it to its end. */
function oneHistory(
  { sites }: StudyUnderFaults,
  { noiseRoot, enclaveEvents, statements, archived, shown }: StudyEvidence,
): void {
  const chain = statements.map(({ digest }) => toHex(digest));
  expect(
    archived.map(({ digest }) => toHex(digest)),
    '§7: another history at the coordinator',
  ).toEqual(chain);
  for (const { name, agent } of sites) expect(agent?.state.chain.map(toHex), `§7: ${name}`).toEqual(chain);
  const places = new Map(
    enclaveEvents.flatMap((event, index) =>
      'statement' in event ? [[toHex(event.statement.digest), index + NOISE_ROOT_RECORDS] as const] : [],
    ),
  );
  for (const { signed, stored } of shown)
    expect(places.get(toHex(signed.digest)), `§7: a ${signed.statement.type} left before it was stored`).toBeLessThan(
      stored,
    );
  const [genesis] = ofType(statements, 'genesis');
  expect(genesis?.noiseRoot, '§7.1: NOISE_ROOT').toEqual(hash('noise-root', noiseRoot));
}

/** PROTOCOL §7.2, §7.8: an attempt ends before the next begins, and one with an Intent ends with its release. */
function oneReleasePerParent({ statements }: StudyEvidence): void {
  const parents = ofType(statements, 'release').map(({ parent }) => toHex(parent));
  expect(new Set(parents).size, '§7.2: two releases of one parent').toBe(parents.length);
  for (const [index, { statement }] of statements.entries()) {
    const after = NEXT[statement.type];
    const next = statements[index + 1]?.statement.type;
    if (next !== undefined) expect(after, `§7: ${next} after ${statement.type}`).toContain(next);
  }
}

/** What may stand behind a statement. */
const NEXT: Readonly<Record<Statement['type'], readonly Statement['type'][]>> = {
  genesis: ['manifest'],
  manifest: ['certificate', 'abort'],
  certificate: ['intent', 'abort'],
  intent: ['release'],
  release: ['manifest'],
  abort: ['manifest'],
};

/** PROTOCOL §7.6. */
function nothingOutBeforeAcknowledgements({ sealed }: StudyUnderFaults, { enclaveEvents }: StudyEvidence): void {
  let intent: Intent | null = null;
  const acknowledged = new Set<string>();
  for (const event of enclaveEvents) {
    if (event.type === 'result-sealed') {
      intent = event.statement.statement;
      acknowledged.clear();
    }
    if (event.type === 'acknowledgement-accepted') acknowledged.add(event.organisation);
    if (event.type !== 'statement-issued' || event.statement.statement.type !== 'release') continue;
    if (intent === null) throw new Error('§7.6: a release without intent');
    const needed = acknowledgementsNeeded(sealed, intent.members.length);
    expect(acknowledged.size, '§7.6: released too early').toBeGreaterThanOrEqual(needed);
    intent = null;
  }
}

/** PROTOCOL §7.6, §7.8: an Intent fixes one result, which is the one released; it is never computed again. */
function everyIntentHasOneResult({ enclaveEvents, statements }: StudyEvidence): void {
  const intents = new Map(statements.flatMap(intentIn));
  const results = enclaveEvents.flatMap((event) => (event.type === 'result-sealed' ? [event] : []));
  expect(results.length, '§7.6: an intent without its result').toBe(intents.size);
  for (const { result, statement } of results) {
    const fixed = resultCommitment(result.salt, result.model.digest);
    expect(fixed, '§7.6: an intent of another result').toEqual(statement.statement.result);
  }
  for (const release of ofType(statements, 'release')) {
    const fixed = resultCommitment(release.resultSalt, release.child);
    expect(fixed, '§7.6: a release of another result').toEqual(intents.get(toHex(release.intent))?.result);
  }
}

const intentIn = ({ statement, digest }: SignedStatement): [string, Intent][] =>
  statement.type === 'intent' ? [[toHex(digest), statement]] : [];

/** PROTOCOL §7.5: one debit for each parent, before anything left; one header and one payload, however often they were sent. */
function oneUpdatePerParent(site: SiteProgram, { siteEvents, said, statements }: StudyEvidence): void {
  const events = siteEvents.get(site) ?? [];
  const debits = new Map<string, string>();
  for (const event of events) {
    if (event.type !== 'debited') continue;
    expect(debits.has(toHex(event.parent)), `§7.5: a second debit of ${site.name}`).toBe(false);
    debits.set(toHex(event.parent), toHex(event.commit));
  }
  const parentOf = parentsByCertificate(statements);
  for (const { message, stored } of said.filter((one) => one.site === site)) {
    const before = events.slice(0, stored).flatMap((event) => (event.type === 'debited' ? [event] : []));
    if (message.type === 'update-header') {
      const { certificate, commit } = message.header;
      const debit = before.find(({ parent }) => toHex(parent) === parentOf.get(toHex(certificate)));
      expect(debit?.commit, `§7.5: ${site.name} announced what it had not debited`).toEqual(commit);
    }
    if (message.type === 'update') {
      const commit = commitmentOf(message.payload);
      expect(
        before.some((debit) => bytesEqual(debit.commit, commit)),
        `§7.5: ${site.name} sent what it had not debited`,
      ).toBe(true);
    }
  }
  const certified = new Set(parentOf.values());
  for (const parent of debits.keys())
    expect(certified.has(parent), `§7.5: ${site.name} debited for a round that was not certified`).toBe(true);
}

/** PROTOCOL §7.5: with noise, one ledger entry for each parent, stored before its training began; without, none. */
function everyUpdateIsPaidFor(
  { sealed }: StudyUnderFaults,
  site: SiteProgram,
  { siteEvents, said, statements, ledgers }: StudyEvidence,
): void {
  const entries = (ledgers.get(site) ?? []).map(({ parent }) => toHex(parent));
  if (sealed.contract.privacy.placement === 'none') {
    expect(entries, `§7.5: a debit of ${site.name} that costs nothing`).toEqual([]);
    return;
  }
  expect(new Set(entries).size, `§7.5: a second entry of ${site.name}`).toBe(entries.length);
  for (const parent of site.trainings) expect(entries, `§7.5: ${site.name} trained unpaid`).toContain(toHex(parent));
  const parentOf = parentsByCertificate(statements);
  const commits = new Map(
    (siteEvents.get(site) ?? []).flatMap((event) =>
      event.type === 'debited' ? [[toHex(event.commit), toHex(event.parent)] as const] : [],
    ),
  );
  for (const { message, paid } of said.filter((one) => one.site === site)) {
    const held = entries.slice(0, paid);
    if (message.type === 'update-header')
      expect(held, `§7.5: ${site.name} announced unpaid`).toContain(parentOf.get(toHex(message.header.certificate)));
    if (message.type === 'update')
      expect(held, `§7.5: ${site.name} sent unpaid`).toContain(commits.get(toHex(commitmentOf(message.payload))));
  }
}

const commitmentOf = (payload: Uint8Array): Digest =>
  updateCommitment(payload.subarray(0, SALT_BYTES), payload.subarray(SALT_BYTES));

function parentsByCertificate(statements: readonly SignedStatement[]): Map<string, string> {
  const manifests = new Map(
    statements.flatMap(({ statement, digest }) =>
      statement.type === 'manifest' ? [[toHex(digest), toHex(statement.parent)] as const] : [],
    ),
  );
  return new Map(
    statements.flatMap(({ statement, digest }) =>
      statement.type === 'certificate'
        ? [[toHex(digest), manifests.get(toHex(statement.manifest)) ?? ''] as const]
        : [],
    ),
  );
}

/** PROTOCOL §7.6: whoever acknowledged an Intent had it on its disk. */
function intentsAreStored(site: SiteProgram, { siteEvents, said }: StudyEvidence): void {
  const events = siteEvents.get(site) ?? [];
  for (const { message, stored } of said.filter((one) => one.site === site)) {
    if (message.type !== 'acknowledgement') continue;
    const { intent } = must(openAcknowledgement(message.acknowledgement)).document;
    expect(
      events.slice(0, stored).some((event) => event.type === 'acknowledged' && bytesEqual(event.intent.digest, intent)),
      `§7.6: ${site.name} acknowledged what it had not stored`,
    ).toBe(true);
  }
}

/** PROTOCOL §6: every released model is a function of its parent and of the accepted updates, computed here once more. */
function modelsDependOnTheSetAlone({ sealed }: StudyUnderFaults, { said, statements }: StudyEvidence): void {
  const { spec } = sealed.contract.model;
  const layout = layoutOf(spec);
  const updates = new Map<string, DecodedUpdate>();
  for (const { message } of said) {
    if (message.type !== 'update') continue;
    const plaintext = message.payload.subarray(SALT_BYTES);
    const update = must(decodeUpdate(plaintext, { layoutLength: layout.length, grid: sealed.contract.grid }));
    updates.set(toHex(commitmentOf(message.payload)), update);
  }
  const intents = new Map(statements.flatMap(intentIn));
  let [parent, state] = [initialWeights(spec), initialServerState];
  for (const release of ofType(statements, 'release')) {
    const sum = (intents.get(toHex(release.intent))?.members ?? []).reduce((now, { commit }) => {
      const update = updates.get(toHex(commit));
      if (update === undefined) throw new Error('§7.6: an intent of an update that never came');
      return addUpdate(now, update);
    }, emptySum(layout.length));
    const stepped = stepModel({
      ...{ plan: sealed.contract.strategy, parent, state },
      averageDelta: averageDelta(sum, sealed.contract.grid),
    });
    [parent, state] = [stepped.weights, stepped.state];
    expect(modelDigest(layout.digest, parent), `§6: the model of round ${release.round}`).toEqual(release.child);
  }
}

/** PROTOCOL §7.7: every model in every hospital's folder proves where it comes from. */
function passportsVerify({ sealed, sites }: StudyUnderFaults): void {
  const organisationKeys = new Map(sealed.contract.organisations.map(({ id, key }) => [id, key]));
  const appraise = publicationAppraiser(verifiers, 'simulation', virtualNow);
  for (const { name, received } of sites) {
    for (const { bundle, model } of received.values()) {
      const report = verifyPassport(must(decodeBundle(bundle)), { organisationKeys, appraise });
      expect(
        report.checks.filter(({ passed }) => !passed),
        `§7.7: ${name}, round ${model.round}`,
      ).toEqual([]);
      expect(report.release?.child).toEqual(model.digest);
    }
  }
}

const ofType = <T extends Statement['type']>(
  statements: readonly SignedStatement[],
  type: T,
): Extract<Statement, { type: T }>[] =>
  statements.flatMap(({ statement }) =>
    statement.type === type ? [statement as Extract<Statement, { type: T }>] : [],
  );
