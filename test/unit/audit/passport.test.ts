import { beforeAll, describe, expect, it } from 'vitest';
import { signAcknowledgement } from '../../../lib/audit/acknowledgement.ts';
import { decodeBundle, encodeBundle, type PassportBundle } from '../../../lib/audit/passport-bundle.ts';
import {
  acknowledgementsNeeded,
  verifyPassport,
  type PassportReport,
  type PassportTrust,
} from '../../../lib/audit/passport.ts';
import { openStatement, type Certificate, type Intent } from '../../../lib/audit/statement.ts';
import { signApproval } from '../../../lib/contract/approval.ts';
import { signEndorsement } from '../../../lib/contract/endorsement.ts';
import { refusal } from '../../../lib/core/errors.ts';
import { instant, organisationId } from '../../../lib/core/ids.ts';
import { MemoryStudy, must } from '../../support/study-in-memory.ts';
import { DAY_MS, digestOf, organisationSigner, START, testContract } from '../../support/test-contract.ts';
import { forgeBundle, trustIn, type Bend } from './forged-bundle.ts';

let study: MemoryStudy;
let bundle: PassportBundle;
let certificate: Certificate;
let intent: Intent;
let trust: PassportTrust;

beforeAll(() => {
  study = new MemoryStudy(testContract());
  study.run(1);
  bundle = must(decodeBundle(study.enclave.bundle()));
  certificate = must(openStatement(bundle.certificate)).statement as Certificate;
  intent = must(openStatement(bundle.intent)).statement as Intent;
  trust = trustIn(study);
});

const APPROVALS = 'approvals by confirmed hospitals';
const CHAIN = 'statement chain';
const TERMS = 'terms of the contract';
const COHORT = 'cohort certificate';
const SIZE = 'cohort size';
const ROOT = 'set root';
const ACKS = 'acknowledgements';
const RESULT = 'result bound by intent';
const PUBLISHED = 'boot keys published';

const failures = ({ checks }: PassportReport): string[] =>
  checks.filter(({ passed }) => !passed).map(({ name }) => name);
const failed = (bend: Bend, by: PassportTrust = trust): string[] =>
  failures(verifyPassport(forgeBundle(study, bend), by));
const detailOf = (report: PassportReport, name: string): string =>
  report.checks.find((check) => check.name === name)?.detail ?? 'no such check';

describe('PROTOCOL §7.7: a released model, checked offline', () => {
  it('passes every check, each by name', () => {
    const report = verifyPassport(bundle, trust);
    expect(report.checks.map(({ name }) => name.replace(/ \(.*/, ''))).toEqual([
      'contract',
      'statements signed',
      APPROVALS,
      'enclave evidence',
      PUBLISHED,
      CHAIN,
      TERMS,
      'noise and privacy spent',
      COHORT,
      SIZE,
      ROOT,
      ACKS,
      RESULT,
    ]);
    expect(failures(report)).toEqual([]);
    expect(report.passed).toBe(true);
    expect(report.release?.round).toBe(1);
    expect(report.contract?.digest).toEqual(study.sealed.digest);
  });

  it('says that simulated evidence protects nothing', () => {
    const report = verifyPassport(bundle, trust);
    expect(report.simulated).toBe(true);
    expect(report.checks.find(({ name }) => name.startsWith('enclave evidence'))?.detail).toContain('SIMULATED');
    const genuine: PassportTrust = {
      ...trust,
      appraise: () => ({ ...trust.appraise(bundle.publications[0] ?? fail(), study.sealed), simulated: false }),
    };
    expect(verifyPassport(bundle, genuine).simulated).toBe(false);
  });

  it('passes signed anew: the forgeries below fail for what they change, not for how they are made', () => {
    expect(failed({})).toEqual([]);
  });

  it('travels as bytes and back; other bytes are E-PASSPORT-INVALID', () => {
    const bytes = encodeBundle(bundle);
    expect(must(decodeBundle(bytes))).toEqual(bundle);
    for (const wrong of [bytes.subarray(1), bytes.subarray(0, -1), new Uint8Array(), Uint8Array.of(...bytes, 0)]) {
      const decoded = decodeBundle(wrong);
      expect(decoded.ok ? 'decoded' : decoded.error.code).toBe('E-PASSPORT-INVALID');
    }
  });
});

describe('contract and signatures', () => {
  it('an altered contract, and a statement with any byte altered', () => {
    const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
    expect(failures(verifyPassport({ ...bundle, contract: flip(bundle.contract, 0) }, trust))).toEqual(['contract']);
    for (const type of ['genesis', 'manifest', 'certificate', 'intent', 'release'] as const) {
      const bytes = bundle[type];
      for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
        const report = verifyPassport({ ...bundle, [type]: flip(bytes, at) }, trust);
        expect(failures(report), `${type} at ${at}`).toEqual(['statements signed']);
        expect(report.release).toBe(null);
      }
    }
  });

  it('any statement in the place of another', () => {
    const types = ['genesis', 'manifest', 'certificate', 'intent', 'release'] as const;
    for (const place of types) {
      for (const other of types) {
        if (other === place) continue;
        const report = verifyPassport({ ...bundle, [place]: bundle[other] }, trust);
        expect(failures(report)).toEqual(['statements signed']);
        expect(detailOf(report, 'statements signed')).toContain(`got a ${other}, want a ${place}`);
      }
    }
  });

  it('another contract under the same statements', () => {
    const other = testContract({ rounds: 4 }).bytes;
    expect(failures(verifyPassport({ ...bundle, contract: other }, trust))).toEqual(
      expect.arrayContaining([APPROVALS, CHAIN, COHORT]),
    );
  });
});

describe('approvals', () => {
  it('of too few organisations that the verifier has confirmed', () => {
    expect(failed({}, trustIn(study, ['adler', 'birch']))).toEqual([APPROVALS]);
    expect(failed({}, trustIn(study, []))).toEqual([APPROVALS]);
    expect(failed({}, trustIn(study, ['adler', 'birch', 'cedar']))).toEqual([]);
  });

  it('of organisations whose keys the verifier knows otherwise', () => {
    const keys = new Map(trust.organisationKeys);
    for (const id of ['adler', 'birch']) keys.set(id, organisationSigner('impostor').publicKey);
    expect(failed({}, { ...trust, organisationKeys: keys })).toEqual([APPROVALS]);
  });

  it('left out, altered, expired when the cohort was certified, or for another contract', () => {
    const [first, ...others] = bundle.approvals;
    if (first === undefined) throw new Error('no approval');
    const fields = { contract: study.sealed.digest, organisation: organisationId('adler'), epsilonBudget: null };
    const expired = signApproval({ ...fields, expires: START }, organisationSigner('adler'));
    const elsewhere = signApproval(
      { ...fields, contract: digestOf('another'), expires: instant(START + DAY_MS) },
      organisationSigner('adler'),
    );
    for (const approvals of [
      others.slice(1),
      [first.map((b, i) => (i === 40 ? b ^ 1 : b)), ...others],
      [expired, ...others],
      [elsewhere, ...others],
    ])
      expect(failed({ rest: { approvals } })).toEqual([APPROVALS]);
  });
});

describe('publication evidence', () => {
  const evidence = (names: string[]): string[] => names.map((name) => name.replace(/ \(.*/, ''));

  it('for another contract or another genesis', () => {
    const [publication] = bundle.publications;
    if (publication === undefined) throw new Error('no publication');
    for (const change of [{ contract: digestOf('another') }, { genesis: digestOf('another') }]) {
      const publications = [{ ...publication, ...change }];
      expect(evidence(failures(verifyPassport({ ...bundle, publications }, trust)))).toEqual([
        'enclave evidence',
        PUBLISHED,
      ]);
    }
  });

  it('made at another time, or at another place of the chain, than the statements of its boot', () => {
    const [publication] = bundle.publications;
    if (publication === undefined) throw new Error('no publication');
    const { counter, digest } = publication.head;
    const changes = [
      { at: instant(Date.UTC(2099, 0, 1)) },
      { at: instant(Date.UTC(2020, 0, 1)) },
      { head: { counter: 999_999, digest } },
      { head: { counter: counter + 1, digest } },
      { head: { counter, digest: digestOf('fork') } },
    ];
    for (const change of changes) {
      const publications = [{ ...publication, ...change }];
      const report = verifyPassport({ ...bundle, publications }, trust);
      expect(evidence(failures(report)), JSON.stringify(change)).toEqual(['enclave evidence', PUBLISHED]);
    }
  });

  it('that the verifier’s own roots do not accept', () => {
    const refusals = [refusal('E-ATTEST-SIGNATURE'), refusal('E-ATTEST-DEBUG')];
    const report = verifyPassport(bundle, {
      ...trust,
      appraise: () => ({ refusals, measurement: null, simulated: true }),
    });
    expect(evidence(failures(report))).toEqual(['enclave evidence', 'software digest', PUBLISHED]);
    const told = report.checks.find(({ name }) => name.startsWith('enclave evidence'))?.detail;
    expect(told).toContain('E-ATTEST-SIGNATURE');
    expect(told).toContain('E-ATTEST-DEBUG');
  });

  it('of other software than the passport names', () => {
    expect(failed({ release: { software: digestOf('patched program') } })).toEqual(['software digest']);
    const unread: PassportTrust = { ...trust, appraise: () => ({ refusals: [], measurement: null, simulated: false }) };
    expect(failed({}, unread)).toEqual(['software digest']);
  });

  it.each(['genesis', 'manifest', 'certificate', 'intent', 'release'] as const)(
    'none for the key that signed the %s',
    (type) => {
      const signedBy = { type, signer: organisationSigner('unattested boot') };
      expect(failed({ signedBy })).toEqual([PUBLISHED]);
    },
  );
});

describe('the statement chain', () => {
  it.each<[string, Bend]>([
    ['a genesis with a predecessor', { genesis: { previous: digestOf('earlier') } }],
    ['a genesis for another contract', { genesis: { contract: digestOf('another') } }],
    ['a release for another contract', { release: { contract: digestOf('another') } }],
    ['a gap before the certificate', { certificate: { counter: 7 } }],
    ['a certificate behind another statement', { certificate: { previous: digestOf('fork') } }],
    ['an intent without predecessor', { intent: { previous: null } }],
    ['a gap before the release', { release: { counter: 9 } }],
    ['a release behind another intent', { release: { previous: digestOf('fork') } }],
    ['an intent of another round', { intent: { round: 2 } }],
    ['a release of another attempt', { release: { attempt: 2 } }],
    ['a certificate for another manifest', { certificate: { manifest: digestOf('other') } }],
    ['an intent for another certificate', { intent: { certificate: digestOf('other') } }],
    ['a release for another certificate', { release: { certificate: digestOf('other') } }],
    ['a release for another intent', { release: { intent: digestOf('other') } }],
    ['a release of another parent', { release: { parent: digestOf('other') } }],
  ])('%s', (_, bend) => {
    expect(failed(bend)).toEqual([CHAIN]);
  });
});

describe('the place of genesis', () => {
  it('is the first, for the chain and for the publication that names it', () => {
    expect(failed({ genesis: { counter: 1 } })).toEqual(expect.arrayContaining([CHAIN, PUBLISHED]));
  });
});

describe('the terms of the contract', () => {
  const early = instant(START - 60_000);
  it.each<[string, Bend]>([
    ['a genesis with other initial weights', { genesis: { model: digestOf('other weights') } }],
    [
      'a genesis that goes on from a contract of its own choice',
      { genesis: { predecessor: { contract: digestOf('x'), head: { counter: 3, digest: digestOf('y') }, round: 1 } } },
    ],
    [
      'a first round on another model',
      { manifest: { parent: digestOf('other') }, release: { parent: digestOf('other') } },
    ],
    ['a round before the contract is valid', { manifest: { at: early }, certificate: { at: early } }],
    ['statements that go back in time', { genesis: { at: instant(START + 11 * 60_000) } }],
  ])('%s', (_, bend) => {
    expect(failed(bend)).toContain(TERMS);
  });

  it('a round beyond those of the contract', () => {
    const round = { round: 4 };
    const bend = { manifest: round, certificate: round, intent: round, release: round };
    expect(failed(bend)).toEqual([TERMS]);
  });
});

describe('the cohort certificate', () => {
  const withMember = (id: string, change: (member: Certificate['members'][number]) => object): Bend => ({
    certificate: { members: certificate.members.map((m) => (m.organisation === id ? { ...m, ...change(m) } : m)) },
  });

  it.each<[string, object]>([
    ['for another manifest', { manifest: digestOf('other') }],
    ['for another contract', { contract: digestOf('other') }],
    ['by another organisation', { organisation: organisationId('birch') }],
    ['with a head off the chain', { head: { counter: 1, digest: digestOf('fork') } }],
    ['with a head at another place', { head: { counter: 2, digest: digestOf('fork') } }],
  ])('holds a commit %s', (_, change) => {
    expect(failed({ commit: (id) => (id === 'adler' ? change : undefined) })).toEqual([COHORT]);
  });

  it('holds an altered commit, one organisation twice, or papers of another member', () => {
    const [adler, birch] = certificate.members;
    if (adler === undefined || birch === undefined) throw new Error('two members');
    expect(failed(withMember('adler', (m) => ({ commit: m.commit.map((b, i) => (i === 60 ? b ^ 1 : b)) })))).toEqual([
      COHORT,
    ]);
    expect(failed(withMember('birch', () => adler))).toEqual([COHORT]);
    expect(failed(withMember('adler', () => ({ endorsement: birch.endorsement })))).toEqual([COHORT]);
    expect(failed(withMember('adler', () => ({ approval: birch.approval })))).toEqual([COHORT]);
    expect(failed(withMember('adler', () => ({ organisation: organisationId('elm') })))).toEqual([COHORT]);
  });

  it('holds clocks far from the time it states', () => {
    const at = instant(START + 11 * 60_000);
    expect(failed({ commit: () => ({ at }) })).toEqual([COHORT]);
    expect(failed({ commit: (id) => (id < 'cedar' ? { at: 0 } : undefined) })).toEqual([]);
    expect(failed({ certificate: { at: instant(START + 25 * 3_600_000) } })).toEqual([TERMS, COHORT]);
  });
});

describe('the accepted set', () => {
  const intentOf = (members: Intent['members'], change: object = {}): Bend => ({
    intent: { members, ...change },
    release: { cohortSize: members.length },
  });

  it('is smaller than the contract demands', () => {
    expect(failed(intentOf(intent.members.slice(0, 2)))).toEqual([SIZE, ACKS]);
    expect(failed(intentOf(intent.members.slice(0, 3)))).toEqual([ACKS]);
    const { acknowledgements } = bundle;
    expect(acknowledgements).toHaveLength(4);
  });

  it('counts only organisations that the verifier has confirmed', () => {
    const three = trustIn(study, ['adler', 'birch', 'cedar']);
    expect(failed(intentOf(intent.members.slice(1)), three)).toEqual([SIZE, ACKS]);
  });

  it('does not meet a member’s own conditions', () => {
    expect(failed({ commit: (id) => (id === 'dogwood' ? { minimum: 5 } : undefined) })).toEqual([SIZE]);
    const requireCoParticipants = [organisationId('dogwood')];
    const bend = { commit: (id: string) => (id === 'adler' ? { requireCoParticipants } : undefined) };
    expect(failed(bend)).toEqual([]);
    expect(failed({ ...bend, ...intentOf(intent.members.slice(0, 3)) })).toEqual([SIZE, ACKS]);
  });

  it('has another root, another order, a member twice, or one without commit', () => {
    const [first, second, third, fourth] = intent.members;
    if (first === undefined || second === undefined || third === undefined || fourth === undefined)
      throw new Error('four');
    expect(failed({ intent: { setRoot: digestOf('other') } })).toEqual([ROOT]);
    expect(failed({ intent: { members: [second, first, third, fourth] } })).toEqual([ROOT]);
    expect(failed({ intent: { members: [first, first, second, third] } })).toEqual([ROOT, ACKS]);
    expect(failed({ certificate: { members: certificate.members.slice(0, 3) } })).toEqual([ROOT]);
  });
});

describe('acknowledgements', () => {
  it('are all, or more than n − k_min + f, and never fewer than k_min', () => {
    const needed = (kMin: number, toleratedColluders: number, accepted: number): number =>
      acknowledgementsNeeded(testContract({ kMin, toleratedColluders }), accepted);
    expect(needed(3, 0, 4)).toBe(3);
    expect(needed(3, 0, 3)).toBe(3);
    expect(needed(2, 0, 4)).toBe(3);
    expect(needed(2, 0, 2)).toBe(2);
    expect(needed(2, 1, 4)).toBe(4);
    expect(needed(3, 1, 4)).toBe(3);
    expect(needed(3, 2, 4)).toBe(4);
    expect(needed(4, 0, 4)).toBe(4);
  });

  it('are counted only of hospitals that the verifier has confirmed, up to k_min', () => {
    const three = trustIn(study, ['adler', 'birch', 'cedar']);
    const [adler, birch, , dogwood] = bundle.acknowledgements;
    if (adler === undefined || birch === undefined || dogwood === undefined) throw new Error('four acknowledgements');
    const report = verifyPassport({ ...bundle, acknowledgements: [adler, birch, dogwood] }, three);
    expect(failures(report)).toEqual([ACKS]);
    expect(detailOf(report, ACKS)).toContain('of confirmed hospitals');
    expect(failures(verifyPassport(bundle, three))).toEqual([]);
  });

  it('are too few, or one counted often', () => {
    const { acknowledgements } = bundle;
    const three = acknowledgements.slice(0, 3);
    expect(failures(verifyPassport({ ...bundle, acknowledgements: three }, trust))).toEqual([]);
    const [one] = three;
    if (one === undefined) throw new Error('no acknowledgement');
    for (const few of [[], three.slice(0, 2), [one, one, one, one]]) {
      const report = verifyPassport({ ...bundle, acknowledgements: few }, trust);
      expect(failures(report)).toEqual([ACKS]);
      expect(detailOf(report, ACKS)).toContain('E-ACKS-MISSING');
    }
  });

  it('are for another intent or contract, of a stranger, or signed by a key that is not endorsed', () => {
    const adler = study.site('adler');
    const { signer, organisation } = adler.environment;
    const intentDigest = must(openStatement(bundle.intent)).digest;
    const fields = { contract: study.sealed.digest, intent: intentDigest, organisation, at: START };
    const { endorsement } = adler;
    const wrong = [
      { acknowledgement: signAcknowledgement({ ...fields, intent: digestOf('other') }, signer), endorsement },
      { acknowledgement: signAcknowledgement({ ...fields, contract: digestOf('other') }, signer), endorsement },
      { acknowledgement: signAcknowledgement(fields, organisationSigner('another boot')), endorsement },
      { acknowledgement: signAcknowledgement(fields, signer), endorsement: study.site('birch').endorsement },
      { acknowledgement: signAcknowledgement({ ...fields, organisation: organisationId('elm') }, signer), endorsement },
      {
        acknowledgement: signAcknowledgement(fields, signer),
        endorsement: endorsement.map((b, i) => (i === 50 ? b ^ 1 : b)),
      },
    ];
    for (const [index, acknowledgement] of wrong.entries()) {
      const acknowledgements = [acknowledgement, ...bundle.acknowledgements.slice(1)];
      expect(failures(verifyPassport({ ...bundle, acknowledgements }, trust)), `case ${index}`).toEqual([ACKS]);
    }
  });

  it('stay good when the endorsement runs out between the intent and the release, not when it ran out before', () => {
    const { signer, organisation } = study.site('adler').environment;
    const endorseUntil = (expires: number): Uint8Array =>
      signEndorsement(
        {
          organisation,
          bootKey: signer.publicKey,
          contract: study.sealed.digest,
          issued: instant(START - 1),
          expires: instant(expires),
        },
        organisationSigner(organisation),
      );
    const lateRelease = forgeBundle(study, { release: { at: instant(START + 60_000) } });
    const withEndorsement = (endorsement: Uint8Array): string[] =>
      failures(
        verifyPassport(
          {
            ...lateRelease,
            acknowledgements: lateRelease.acknowledgements.map((ack, index) =>
              index === 0 ? { ...ack, endorsement } : ack,
            ),
          },
          trust,
        ),
      );
    expect(withEndorsement(endorseUntil(START + 30_000))).toEqual([]);
    expect(withEndorsement(endorseUntil(START))).toEqual([ACKS]);
  });
});

describe('the result', () => {
  it.each<[string, Bend]>([
    ['is another model', { release: { child: digestOf('other model') } }],
    ['opens with another salt', { release: { resultSalt: digestOf('other salt') } }],
    ['was announced otherwise', { intent: { result: digestOf('other result') } }],
    ['claims a larger cohort', { release: { cohortSize: 5 } }],
  ])('%s', (_, bend) => {
    expect(failed(bend)).toEqual([RESULT]);
  });
});

function fail(): never {
  throw new Error('no publication');
}
