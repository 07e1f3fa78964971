import { describe, expect, it } from 'vitest';
import { signCommit } from '../../../lib/audit/commit.ts';
import { issueStatement, type Intent, type Manifest, type SignedStatement } from '../../../lib/audit/statement.ts';
import { draftSuccessor, type SuccessorDraft } from '../../../lib/contract/draft-successor.ts';
import type { NoisePlan } from '../../../lib/contract/privacy-plan.ts';
import { sealContract, type SealedContract, type StudyContract } from '../../../lib/contract/study-contract.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import { organisationId, type Digest } from '../../../lib/core/ids.ts';
import type { Result } from '../../../lib/core/result.ts';
import type { Debit } from '../../../site-agent/event.ts';
import { updateKey } from '../../../site-agent/kept-models.ts';
import type { PastContract } from '../../../site-agent/past-contracts.ts';
import { initialSiteState } from '../../../site-agent/state.ts';
import { succeed } from '../../../site-agent/succession.ts';
import { noisePlan, noisyContract } from '../../support/noisy-contract.ts';
import { must } from '../../support/study-in-memory.ts';
import { freshStart } from '../../support/successor-contract.ts';
import { digestOf, organisationSigner, START, testContract } from '../../support/test-contract.ts';
import { outcome } from '../contract/outcome.ts';

/** `seen` statements, of which number `release.at` released `release.child`; updates sent for `sent`. */
interface Remembered {
  readonly sealed: SealedContract;
  readonly seen?: number;
  readonly release?: { readonly round: number; readonly at: number; readonly child: Digest } | null;
  readonly sent?: readonly Digest[];
  /** Parent of a result that was acknowledged and not seen. */
  readonly open?: Digest | null;
}

const statementAt = (sealed: SealedContract, counter: number): Digest =>
  digestOf(`statement ${counter} of ${toHex(sealed.digest)}`);

function remembered({ sealed, seen = 9, release = null, sent = [], open = null }: Remembered): PastContract {
  const start = initialSiteState({ round: 0, digest: sealed.contract.model.initialDigest });
  const released =
    release === null
      ? start.released
      : {
          round: release.round,
          digest: release.child,
          head: { counter: release.at, digest: statementAt(sealed, release.at) },
        };
  return {
    sealed,
    version: 1,
    state: {
      ...start,
      chain: Array.from({ length: seen }, (_, counter) => statementAt(sealed, counter)),
      released,
      model: release === null ? start.model : { ...start.model, round: release.round, digest: release.child },
      spent: new Map(sent.map((parent) => [toHex(parent), digestOf('commitment')])),
      activity: open === null ? { phase: 'waiting' } : acknowledged(sealed, open),
    },
  };
}

function acknowledged(sealed: SealedContract, parent: Digest): PastContract['state']['activity'] {
  const signer = organisationSigner('enclave');
  const at = START;
  const of = { contract: sealed.digest, at, round: 2, attempt: 1 };
  const manifest = issueStatement(
    { ...of, type: 'manifest', parent, privacy: { placement: 'none' }, ledger: null, commitBy: at },
    { counter: 8, digest: digestOf('before') },
    signer,
  );
  const members = [{ organisation: organisationId('adler'), commit: digestOf('commitment') }];
  const intent: SignedStatement<Intent> = issueStatement(
    { ...of, type: 'intent', certificate: digestOf('c'), setRoot: digestOf('s'), members, result: digestOf('r') },
    { counter: 9, digest: digestOf('certificate') },
    signer,
  );
  return { phase: 'acknowledged', manifest, certificate: unread(manifest), intent, acknowledgement: new Uint8Array() };
}

/** The certificate of an acknowledged round: the rules look at its manifest only. */
const unread = (manifest: SignedStatement<Manifest>) =>
  issueStatement(
    {
      type: 'certificate',
      contract: manifest.statement.contract,
      at: START,
      round: 2,
      attempt: 1,
      manifest: manifest.digest,
      members: [
        {
          organisation: organisationId('adler'),
          commit: signCommit(
            {
              contract: manifest.statement.contract,
              manifest: manifest.digest,
              organisation: organisationId('adler'),
              head: { counter: 8, digest: manifest.digest },
              minimum: 3,
              requireCoParticipants: [],
              at: START,
              collateral: { crlNumber: 0, tcbEvaluation: 0 },
            },
            organisationSigner('boot'),
          ),
          endorsement: new Uint8Array(),
          approval: new Uint8Array(),
        },
      ],
    },
    { counter: 8, digest: manifest.digest },
    organisationSigner('enclave'),
  );

const first = testContract();
const [zero, one, two] = [first.contract.model.initialDigest, digestOf('model 1'), digestOf('model 2')];
const lastRelease = { round: 2, at: 8, child: two };

/** The successor of `previous` after its `round`, whose release stands at `counter`. */
function successor(
  previous: SealedContract,
  { round, at, child }: { round: number; at: number; child: Digest },
  change: Partial<SuccessorDraft> = {},
): SealedContract {
  const release = { round, head: { counter: at, digest: statementAt(previous, at) }, child };
  return must(
    draftSuccessor({ previous, release, appraisal: previous.contract.appraisal, at: START, rounds: 3, ...change }),
  );
}

/** Took part in two rounds, and has not been asked for the third. */
const settled = remembered({ sealed: first, release: lastRelease, sent: [zero, one] });
const next = successor(first, lastRelease);

const spentOf = (result: Result<readonly Debit[], Refusal>): string[] =>
  must(result)
    .map(({ parent }) => toHex(parent))
    .sort();
const hex = (...digests: Digest[]): string[] => digests.map(toHex).sort();

describe('PROTOCOL §7.9: a hospital goes on under a successor', () => {
  it('joins without a past, and needs the model from elsewhere', () => {
    expect(succeed([], next)).toEqual({ ok: true, value: [] });
  });

  it('of the newest release that it knows, with its ledger and the model it has', () => {
    expect(spentOf(succeed([settled], next))).toEqual(hex(zero, one));
  });

  it('when its update for that model has gone and no result of it was announced: the same bytes will go again', () => {
    const cut = remembered({ sealed: first, release: lastRelease, sent: [zero, one, two] });
    expect(spentOf(succeed([cut], next))).toEqual(hex(zero, one, two));
  });

  it('of a newer release than it knows, of which it took no part: it was away', () => {
    const away = remembered({ sealed: first, seen: 5, release: { round: 1, at: 4, child: one }, sent: [zero] });
    expect(spentOf(succeed([away], next))).toEqual(hex(zero));
  });

  it('of the very release that it acknowledged and never got', () => {
    const waiting = remembered({
      sealed: first,
      seen: 8,
      release: { round: 1, at: 4, child: one },
      sent: [zero, one],
      open: one,
    });
    expect(outcome(succeed([waiting], next))).toBe('opened');
  });

  it('of a contract that it has skipped', () => {
    const skipped = successor(next, { round: 3, at: 12, child: digestOf('model 5') });
    expect(spentOf(succeed([settled], skipped))).toEqual(hex(zero, one));
  });

  it('that begins anew from weights of its own', () => {
    const anew = successor(first, lastRelease, { beginAnew: freshStart(first) });
    expect(spentOf(succeed([settled], anew))).toEqual(hex(zero, one));
  });

  it('that begins anew, although an acknowledged result was never seen: the way out when its release is lost', () => {
    const stuck = remembered({ sealed: first, release: lastRelease, sent: [zero, one, two], open: two });
    const anew = successor(first, lastRelease, { beginAnew: freshStart(first) });
    expect(spentOf(succeed([stuck], anew))).toEqual(hex(zero, one, two));
  });

  it('of a successor, with the ledgers of all three', () => {
    const second = remembered({
      sealed: next,
      seen: 5,
      release: { round: 1, at: 4, child: digestOf('model 3') },
      sent: [two],
    });
    const third = successor(next, { round: 1, at: 4, child: digestOf('model 3') });
    expect(spentOf(succeed([settled, second], third))).toEqual(hex(zero, one, two));
  });

  it('drafted a second time from the same release, when nothing came of the first draft', () => {
    const idle = remembered({ sealed: next, seen: 3, sent: [two] });
    const again = successor(first, lastRelease, { rounds: 8 });
    expect(spentOf(succeed([settled, idle], again))).toEqual(hex(zero, one, two));
  });
});

describe('A7, PROTOCOL §7.2: a hospital refuses', () => {
  const KNOWN = 'E-PARENT-REUSED: the contract does not go on from the newest release that this hospital knows';
  const SENT = 'E-PARENT-REUSED: this hospital has sent its update for the model that the contract starts from';
  const OPEN = 'E-PARENT-REUSED: this hospital has acknowledged a result of the model that the contract starts from';
  const ANOTHER = 'E-CHANNEL-CONTRACT: this store belongs to another contract';
  const older = { round: 1, at: 4, child: one };
  const atHead = (counter: number, label: string): SealedContract =>
    successor(first, lastRelease, {
      release: { round: 2, head: { counter, digest: digestOf(label) }, child: two },
    });
  const released = remembered({
    sealed: next,
    seen: 5,
    release: { round: 1, at: 4, child: digestOf('model 3') },
    sent: [two],
  });
  const unseen = remembered({ sealed: next, seen: 4, sent: [two], open: two });
  const stuck = remembered({ sealed: first, release: lastRelease, sent: [zero, one, two], open: two });
  const spectator = remembered({ sealed: first, release: lastRelease });
  const zeros = { initial: { kind: 'zeros' as const }, initialDigest: zero };
  const second = successor(next, { round: 1, at: 4, child: digestOf('model 3') });

  it.each<[string, readonly PastContract[], SealedContract, string]>([
    ['an older passport than the newest release it knows', [settled], successor(first, older), KNOWN],
    ['the same, when it took no part in either', [spectator], successor(first, older), KNOWN],
    [
      'the same, when the study begins anew',
      [settled],
      successor(first, older, { beginAnew: freshStart(first) }),
      KNOWN,
    ],
    ['a forged head at the place of the release', [settled], atHead(8, 'forged'), KNOWN],
    ['a forged head at the place of another statement', [settled], atHead(6, 'forged'), KNOWN],
    ['the first statement as the head', [settled], atHead(0, 'forged'), KNOWN],
    [
      'a forged head beyond what it has seen, over a model it has sent its update for',
      [remembered({ sealed: first, release: lastRelease, sent: [zero, one, two] })],
      atHead(500, 'forged'),
      SENT,
    ],
    ['a release that may exist: it acknowledged its result and never saw it', [stuck], next, OPEN],
    ['the first weights again', [settled], successor(next, older, { beginAnew: zeros }), SENT],
    [
      'a second successor after the first released',
      [settled, released],
      successor(first, lastRelease, { rounds: 9 }),
      KNOWN,
    ],
    [
      'a second successor while a result of the first is out of sight',
      [settled, unseen],
      successor(first, lastRelease, { rounds: 9 }),
      OPEN,
    ],
    [
      'a contract it has skipped, that starts from a model it has sent its update for',
      [released],
      successor(second, { round: 2, at: 8, child: two }),
      SENT,
    ],
    ['a contract without a past', [settled], testContract({ rounds: 7 }), ANOTHER],
    [
      'the successor of another study',
      [settled],
      (() => {
        const study = { ...first.contract.study, id: organisationId('other-study') };
        return successor(testContract({ study }), lastRelease);
      })(),
      ANOTHER,
    ],
  ])('%s', (_what, past, sealed, want) => {
    expect(outcome(succeed(past, sealed))).toContain(want);
  });

  it('and says what it knows', () => {
    const refused = succeed([settled], successor(first, older));
    expect(refused).toMatchObject({
      ok: false,
      error: {
        got: `round 1 of ${toHex(first.digest)}, statement 4 ${toHex(statementAt(first, 4))}`,
        want: `round 2 of ${toHex(first.digest)}, statement 8 ${toHex(statementAt(first, 8))}`,
      },
    });
  });
});

describe('PROTOCOL §7.9: under a successor with noise', () => {
  const noisy = noisyContract('enclave');
  const [start] = [noisy.contract.model.initialDigest];
  const sent = remembered({ sealed: noisy, release: lastRelease, sent: [start, two] });
  const plan = (placement: 'site' | 'enclave', change: Partial<NoisePlan> = {}): Partial<StudyContract> => ({
    ...noisyContract(placement).contract,
    privacy: noisePlan(placement, change),
  });
  /** The successor of `noisy` after its last release, with other terms. */
  const withTerms = ({ privacy, training, grid, schema }: Partial<StudyContract>): SealedContract =>
    must(
      sealContract({
        ...successor(noisy, lastRelease).contract,
        ...(privacy === undefined ? {} : { privacy }),
        ...(training === undefined ? {} : { training }),
        ...(grid === undefined ? {} : { grid }),
        ...(schema === undefined ? {} : { schema }),
      }),
    );
  const enclave = noisyContract('enclave').contract;

  it('sends its update again where it was made for the same terms, whatever noise the enclave adds', () => {
    expect(succeed([sent], withTerms({})).ok).toBe(true);
    expect(succeed([sent], withTerms({ privacy: noisePlan('enclave', { noiseMultiplier: 1.8 }) })).ok).toBe(true);
  });

  it.each<[string, Partial<StudyContract>]>([
    ['another clip', { privacy: noisePlan('enclave', { clip: 0.02 }) }],
    ['another sampling rate', { privacy: noisePlan('enclave', { samplingRate: 0.2 }) }],
    ['noise at the site', plan('site')],
    ['no noise', { privacy: { placement: 'none' } }],
    ['another grid', { grid: { ...enclave.grid, stepLog2: -13 } }],
    ['another learning rate', { training: { ...enclave.training, learningRate: 0.3 } }],
    ['another scaling', { schema: { ...enclave.schema, clip: 2 } }],
  ])('refuses one that would get the same update with %s', (_what, terms) => {
    expect(outcome(succeed([sent], withTerms(terms)))).toMatch(/^E-PARENT-REUSED.*other terms of noise/);
    const unsent = remembered({ sealed: noisy, release: lastRelease, sent: [start] });
    expect(succeed([unsent], withTerms(terms)).ok).toBe(true);
  });

  it('does not find what waits for other terms in its store', () => {
    const keys = [
      enclave,
      { ...enclave, privacy: noisePlan('enclave', { clip: 0.02 }) },
      noisyContract('site').contract,
      { ...noisyContract('site').contract, privacy: noisePlan('site', { noiseMultiplier: 2.2 }) },
      testContract().contract,
    ].map((contract) => updateKey(two, contract));
    expect(new Set(keys).size).toBe(keys.length);
    expect(updateKey(two, { ...enclave, privacy: noisePlan('enclave', { noiseMultiplier: 1.8 }) })).toBe(keys[0]);
  });
});
