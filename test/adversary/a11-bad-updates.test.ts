// PROTOCOL §8 A11: what a member with a genuine, attested session may send in place of an honest update.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signAcknowledgement } from '../../lib/audit/acknowledgement.ts';
import { signWithdrawal } from '../../lib/contract/approval.ts';
import { sealContract } from '../../lib/contract/study-contract.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { organisationId } from '../../lib/core/ids.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { decodeUpdate, joinUpdate, SALT_BYTES } from '../../lib/learning/update-codec.ts';
import { HostileUploader } from '../support/hostile-uploader.ts';
import { closeCollection, cutOff, phaseOf, runRound, until } from '../support/round-in-process.ts';
import { must } from '../support/study-in-memory.ts';
import { StudyInProcess, type SiteInProcess } from '../support/study-in-process.ts';
import { digestOf, organisationSigner, START, testContract } from '../support/test-contract.ts';

const MALLORY = organisationId('mallory');
const organisation = (id: string) => ({ id: organisationId(id), name: id, key: organisationSigner(id).publicKey });
const BOUND = 2 ** 23;
const CAP = 4096;
/** Two honest hospitals are enough, so that every round can go on without the third. */
const contract = testContract({
  kMin: 2,
  organisations: ['adler', 'birch', MALLORY].map(organisation),
  grid: { stepLog2: -20, coordinateBound: BOUND, weightCap: CAP, l2Bound: 1.5 * BOUND },
});
const { length } = layoutOf(contract.contract.model.spec);

const running: StudyInProcess[] = [];
afterEach(() => {
  for (const study of running.splice(0)) study.stop();
});

interface Scene {
  readonly study: StudyInProcess;
  readonly honest: readonly SiteInProcess[];
  readonly mallory: HostileUploader;
}

async function scene(): Promise<Scene> {
  const study = await StudyInProcess.start(contract);
  running.push(study);
  const honest = study.sites.filter(({ id }) => id !== MALLORY);
  study.connect(honest);
  return { study, honest, mallory: await HostileUploader.join(study, MALLORY) };
}

const accepted = ({ enclave: { state } }: StudyInProcess): string[] =>
  state.phase === 'collecting' || state.phase === 'locked' ? [...state.accepted.keys()].sort() : [];

interface Place {
  readonly round: number;
  readonly attempt: number;
}
const FIRST: Place = { round: 1, attempt: 1 };

/** Everybody commits to that attempt, mallory by hand, and the honest updates are in. Gives its certificate. */
async function collecting({ study, mallory }: Scene, place: Place) {
  await study.command({ type: 'open-round', at: START, ...place });
  expect(await mallory.ask(await mallory.commitMessage(place))).toBe('received');
  await until(() => study.enclave.state.phase === 'open' && study.enclave.state.commits.size === 3);
  await study.command({ type: 'lock-cohort', at: START });
  await until(() => accepted(study).length === 2);
  return mallory.statement('certificate', place);
}

/** The round is finished with what the enclave has; the digest of its model, the same at every honest hospital. */
async function released({ study, honest }: Scene, round = 1): Promise<string> {
  await closeCollection(study);
  await until(() => phaseOf(study) === 'released' || phaseOf(study) === 'committed');
  await until(() => phaseOf(study) === 'released' && honest.every(({ agent }) => agent.state.model.round === round));
  const digests = new Set(honest.map(({ agent }) => toHex(agent.state.model.digest)));
  expect(digests.size).toBe(1);
  return [...digests].join();
}

/** What the honest hospitals release without anybody else. */
let withoutMallory = '';
beforeAll(async () => {
  const study = await StudyInProcess.start(contract);
  const honest = study.sites.filter(({ id }) => id !== MALLORY);
  study.connect(honest);
  await runRound(study, { round: 1, sites: honest });
  withoutMallory = toHex(honest[0]?.agent.state.model.digest ?? new Uint8Array());
  study.stop();
});

interface Plaintext {
  readonly format?: number;
  readonly weight?: number;
  readonly loss?: number;
  readonly coordinates?: readonly number[];
}

/** Any plaintext of the right length, also one that no encoder of ours would write. */
function payload(
  { format = 1, weight = 10, loss = 0.5, coordinates = [1, 2, 3] }: Plaintext,
  salt = 'salt',
): Uint8Array {
  const plaintext = new Uint8Array(16 + 4 * length);
  const view = new DataView(plaintext.buffer);
  view.setUint32(0, format, true);
  view.setUint32(4, weight, true);
  view.setFloat64(8, loss, true);
  coordinates.forEach((value, index) => {
    view.setInt32(16 + 4 * index, value, true);
  });
  return joinUpdate(digestOf(salt), plaintext);
}

const floatBits = (value: number): number => new DataView(Float32Array.of(value).buffer).getInt32(0, true);

const BAD: readonly (readonly [string, Plaintext, string])[] = [
  ['a coordinate one step beyond the bound', { coordinates: [BOUND + 1, 0, 0] }, 'E-UPDATE-BOUND: coordinate 0'],
  [
    'the smallest int32, which has no absolute value',
    { coordinates: [0, 0, -(2 ** 31)] },
    'E-UPDATE-BOUND: coordinate 2',
  ],
  [
    'an honest update × 1000',
    { coordinates: [4096, -8192, 12288].map((c) => c * 1000) },
    'E-UPDATE-BOUND: coordinate 2',
  ],
  [
    'every coordinate within its bound, the whole beyond the norm',
    { coordinates: [BOUND, BOUND, BOUND] },
    'E-UPDATE-BOUND: L2 norm',
  ],
  ['NaN where the integers should be', { coordinates: [NaN, 1, 1].map(floatBits) }, 'E-UPDATE-BOUND: coordinate 0'],
  [
    'infinity where the integers should be',
    { coordinates: [1, Infinity, 1].map(floatBits) },
    'E-UPDATE-BOUND: coordinate 0',
  ],
  ['weight 0', { weight: 0 }, 'E-UPDATE-BOUND: weight'],
  ['a weight above the cap', { weight: CAP + 1 }, 'E-UPDATE-BOUND: weight'],
  [
    'the largest weight that fits, to overflow the sum',
    { weight: 2 ** 32 - 1, coordinates: [BOUND, 0, 0] },
    'E-UPDATE-BOUND: weight',
  ],
  ['a training loss that is not a number', { loss: NaN }, 'E-UPDATE-BOUND: training loss'],
  ['a negative training loss', { loss: -1e-9 }, 'E-UPDATE-BOUND: training loss'],
  ['an infinite training loss', { loss: Infinity }, 'E-UPDATE-BOUND: training loss'],
  ['a training loss above the largest', { loss: 1000.000001 }, 'E-UPDATE-BOUND: training loss'],
  ['a format that does not exist', { format: 2 }, 'E-UPDATE-SHAPE: format version'],
];

describe('A11 an update that breaks a bound', () => {
  it('is refused by name, whichever bound it is, and the round goes on as if nobody had sent it', async () => {
    const all = await scene();
    const { study, mallory } = all;
    for (const [index, [what, plaintext, refused]] of BAD.entries()) {
      const certificate = await collecting(all, { round: 1, attempt: index + 1 });
      const bad = payload(plaintext);
      expect(await mallory.ask(mallory.headerOf(certificate, bad)), what).toBe('received');
      expect(await mallory.ask({ type: 'update', payload: bad }), what).toBe(refused);
      // Announced once: not even a good one may follow.
      const good = payload({});
      expect(await mallory.ask({ type: 'update', payload: good }), what).toBe('E-UPDATE-COMMITMENT: mallory');
      expect(accepted(study), what).toEqual(['adler', 'birch']);
      if (index < BAD.length - 1) await study.command({ type: 'abort-round', at: START });
    }
    expect(await released(all)).toBe(withoutMallory);
  });

  it('the list has every bound: what keeps them all to the last step is taken', async () => {
    const all = await scene();
    const { study, mallory } = all;
    const certificate = await collecting(all, FIRST);
    const last = payload({ weight: CAP, loss: 1000, coordinates: [BOUND, -BOUND, 0] });
    expect(await mallory.ask(mallory.headerOf(certificate, last))).toBe('received');
    expect(await mallory.ask({ type: 'update', payload: last })).toBe('received');
    expect(accepted(study)).toEqual(['adler', 'birch', MALLORY]);
  });

  it('no contract exists on which honest bounds could overflow the sum', () => {
    const { contract: plan } = contract;
    const grid = { ...plan.grid, coordinateBound: 2 ** 31 - 1, weightCap: 2 ** 22 };
    expect(sealContract({ ...plan, grid })).toMatchObject({ ok: false, error: { code: 'E-CONTRACT-OVERFLOW' } });
  });
});

describe('A11 an update that is not the announced one', () => {
  it('shorter, longer, empty, re-salted, or another: refused by name, and nothing of it is in the sum', async () => {
    const all = await scene();
    const { study, mallory } = all;
    const certificate = await collecting(all, FIRST);
    const good = payload({});
    const update = (bytes: Uint8Array): Promise<string> => mallory.ask({ type: 'update', payload: bytes });
    expect(await update(good)).toBe('E-UPDATE-COMMITMENT: mallory: an update before its header');
    expect(await mallory.ask(mallory.headerOf(certificate, good))).toBe('received');
    expect(await update(good.subarray(1))).toBe('E-UPDATE-SHAPE: length');
    expect(await update(Uint8Array.from([...good, 0]))).toBe('E-UPDATE-SHAPE: length');
    expect(await update(new Uint8Array())).toBe('E-UPDATE-SHAPE: length');
    expect(await update(payload({}, 'another salt'))).toBe('E-UPDATE-COMMITMENT: mallory');
    expect(await update(payload({ weight: 11 }))).toBe('E-UPDATE-COMMITMENT: mallory');
    expect(accepted(study)).toEqual(['adler', 'birch']);
    expect(await released(all)).toBe(withoutMallory);
  });

  it('under a header for another certificate, layout or length: the header is refused, and fixes nothing', async () => {
    const all = await scene();
    const { study, mallory } = all;
    const earlier = await collecting(all, FIRST);
    await study.command({ type: 'abort-round', at: START });
    const certificate = await collecting(all, { round: 1, attempt: 2 });
    const good = payload({});
    const other = payload({ weight: 11 });
    expect(await mallory.ask(mallory.headerOf(earlier, other))).toBe('E-ROUND-MANIFEST: another certificate');
    const layout = digestOf('another layout');
    expect(await mallory.ask(mallory.headerOf(certificate, other, { layout }))).toBe(
      'E-UPDATE-SHAPE: another parameter layout',
    );
    for (const wrong of [1, other.length - 4, other.length + 1, 64 << 20])
      expect(await mallory.ask(mallory.headerOf(certificate, other, { length: wrong }))).toBe('E-UPDATE-SHAPE: length');
    expect(await mallory.ask(mallory.headerOf(certificate, good))).toBe('received');
    expect(await mallory.ask({ type: 'update', payload: good })).toBe('received');
    expect(accepted(study)).toEqual(['adler', 'birch', MALLORY]);
  });

  it('a second one beside the first, before or after it came: the first announcement stands, and counts once', async () => {
    const all = await scene();
    const { study, mallory } = all;
    const certificate = await collecting(all, FIRST);
    const [first, second] = [payload({}), payload({ weight: 4000 })];
    expect(await mallory.ask(mallory.headerOf(certificate, first))).toBe('received');
    expect(await mallory.ask(mallory.headerOf(certificate, second))).toBe('E-UPDATE-COMMITMENT: mallory');
    expect(await mallory.ask({ type: 'update', payload: first })).toBe('received');
    expect(await mallory.ask(mallory.headerOf(certificate, second))).toBe('E-UPDATE-COMMITMENT: mallory');
    expect(await mallory.ask({ type: 'update', payload: second })).toBe('E-UPDATE-COMMITMENT: mallory');
    for (let times = 1; times <= 2; times++) {
      expect(await mallory.ask(mallory.headerOf(certificate, first))).toBe('received');
      expect(await mallory.ask({ type: 'update', payload: first })).toBe('received');
    }
    const { state } = study.enclave;
    if (state.phase !== 'collecting') throw new Error(state.phase);
    // Ten rows of mallory's, ten and eleven of the others.
    expect([state.sum.members, state.sum.totalWeight]).toEqual([3, 10 + 10 + 11]);
  });

  it('of another round: neither its header nor its bytes are taken for this one', async () => {
    const all = await scene();
    const { study, mallory } = all;
    const certificate = await collecting(all, FIRST);
    const first = payload({});
    expect(await mallory.ask(mallory.headerOf(certificate, first))).toBe('received');
    expect(await mallory.ask({ type: 'update', payload: first })).toBe('received');
    await closeCollection(study);
    // Mallory acknowledges nothing; the two others are enough.
    await until(() => study.enclave.state.phase === 'committed' && study.enclave.state.acknowledgements.size === 2);
    await study.command({ type: 'close-acknowledgement', at: START });
    await until(() => all.honest.every(({ agent }) => agent.state.model.round === 1));
    const next = await collecting(all, { round: 2, attempt: 1 });
    expect(await mallory.ask(mallory.headerOf(certificate, first))).toBe('E-ROUND-MANIFEST: another certificate');
    const second = payload({ weight: 12 });
    expect(await mallory.ask(mallory.headerOf(next, second))).toBe('received');
    expect(await mallory.ask({ type: 'update', payload: first })).toBe('E-UPDATE-COMMITMENT: mallory');
    expect(accepted(study)).toEqual(['adler', 'birch']);
  });
});

describe('A11 out of turn, or in another’s name', () => {
  it('before the certificate, behind the Intent, and after the release: refused by its phase', async () => {
    const all = await scene();
    const { study, honest, mallory } = all;
    await study.command({ type: 'open-round', at: START, ...FIRST });
    const good = payload({});
    const manifest = await mallory.statement('manifest', FIRST);
    const early = [mallory.headerOf(manifest, good), { type: 'update', payload: good }] as const;
    for (const message of early)
      expect(await mallory.ask(message)).toBe('E-ROUND-PHASE: no round is collecting updates');
    expect(await mallory.ask(await mallory.commitMessage(FIRST))).toBe('received');
    await until(() => study.enclave.state.phase === 'open' && study.enclave.state.commits.size === 3);
    await study.command({ type: 'lock-cohort', at: START });
    await until(() => accepted(study).length === 2);
    const certificate = await mallory.statement('certificate', FIRST);
    const [late] = honest;
    if (late === undefined) throw new Error('two');
    await until(() => late.agent.state.activity.phase === 'uploading');
    await cutOff([late]);
    await closeCollection(study);
    const behind = [mallory.headerOf(certificate, good), { type: 'update', payload: good }] as const;
    for (const message of behind)
      expect(await mallory.ask(message)).toBe('E-ROUND-PHASE: no round is collecting updates');
    study.connect([late]);
    await until(() => honest.every(({ agent }) => agent.state.model.round === 1));
    for (const message of behind)
      expect(await mallory.ask(message)).toBe('E-ROUND-PHASE: no round is collecting updates');
    expect(toHex(late.agent.state.model.digest)).toBe(withoutMallory);
  });

  it('without a commit it is no member, and what it sends is nobody’s', async () => {
    const all = await scene();
    const { study, honest, mallory } = all;
    await study.command({ type: 'open-round', at: START, ...FIRST });
    await until(() => study.enclave.state.phase === 'open' && study.enclave.state.commits.size === honest.length);
    await study.command({ type: 'lock-cohort', at: START });
    await until(() => accepted(study).length === 2);
    const certificate = await mallory.statement('certificate', FIRST);
    const good = payload({});
    expect(await mallory.ask(mallory.headerOf(certificate, good))).toBe('E-ORG-UNKNOWN: mallory is not in the cohort');
    expect(await mallory.ask({ type: 'update', payload: good })).toBe(
      'E-UPDATE-COMMITMENT: mallory: an update before its header',
    );
    expect(await released(all)).toBe(withoutMallory);
  });

  it('a commit, an acknowledgement or a withdrawal of another: the session says whose they are', async () => {
    const all = await scene();
    const { study, honest, mallory } = all;
    const [adler, birch] = honest;
    if (adler === undefined || birch === undefined) throw new Error('two');
    await study.command({ type: 'open-round', at: START, ...FIRST });
    expect(await mallory.ask(await mallory.commitMessage(FIRST, adler.id))).toMatch(
      /^E-COMMIT-INVALID: mallory: commit of another/,
    );
    expect(await mallory.ask(await mallory.commitMessage(FIRST))).toBe('received');
    await until(() => study.enclave.state.phase === 'open' && study.enclave.state.commits.size === 3);
    await study.command({ type: 'lock-cohort', at: START });
    await until(
      () => accepted(study).length === 2 && honest.every(({ agent }) => agent.state.activity.phase === 'uploading'),
    );
    await cutOff([birch]);
    await closeCollection(study);
    const intent = await mallory.statement('intent', FIRST);
    const fields = { contract: contract.digest, intent: intent.digest, at: START };
    for (const name of [birch.id, MALLORY]) {
      const acknowledgement = signAcknowledgement({ ...fields, organisation: name }, mallory.site.signer);
      const answer = await mallory.ask({
        type: 'acknowledgement',
        acknowledgement,
        endorsement: mallory.endorsement(),
      });
      expect(answer).toMatch(/^E-ACK-INVALID/);
    }
    const withdrawal = signWithdrawal(
      { contract: contract.digest, organisation: birch.id, at: START },
      organisationSigner(MALLORY),
    );
    expect(await mallory.ask({ type: 'withdrawal', withdrawal })).toMatch(/^E-APPROVAL-INVALID/);
    const stolen = signWithdrawal(
      { contract: contract.digest, organisation: birch.id, at: START },
      organisationSigner(birch.id),
    );
    expect(await mallory.ask({ type: 'withdrawal', withdrawal: stolen })).toBe('E-ORG-IDENTITY: mallory');
    study.connect([birch]);
    await until(() => honest.every(({ agent }) => agent.state.model.round === 1));
    expect(toHex(adler.agent.state.model.digest)).toBe(withoutMallory);
  });

  it('thirty-two refusals are borne, the thirty-third ends the session; whoever comes back starts anew', async () => {
    const all = await scene();
    const { study, mallory } = all;
    const certificate = await collecting(all, FIRST);
    const stray = { type: 'update', payload: payload({}) } as const;
    for (let refusal = 1; refusal <= 32; refusal++)
      expect(await mallory.ask(stray), `refusal ${refusal}`).toMatch(/^E-UPDATE-COMMITMENT/);
    expect(await mallory.ask(stray)).toBe('ended');
    expect(mallory.site.ended?.code).toBe('E-UPDATE-COMMITMENT');
    const again = await HostileUploader.join(study, MALLORY);
    expect(await again.ask(again.headerOf(certificate, payload({})))).toBe('received');
    expect(accepted(study)).toEqual(['adler', 'birch']);
    expect(await released(all)).toBe(withoutMallory);
  });
});

describe('A11 poison within the bounds is not detected', () => {
  it('it moves the model by its weighted share and by nothing more: the average is exact', async () => {
    const all = await scene();
    const { study, honest, mallory } = all;
    const certificate = await collecting(all, FIRST);
    const poison = { weight: CAP, coordinates: [BOUND, -BOUND, 1] };
    const bytes = payload(poison);
    expect(await mallory.ask(mallory.headerOf(certificate, bytes))).toBe('received');
    expect(await mallory.ask({ type: 'update', payload: bytes })).toBe('received');
    const updates = honest.map(({ disk }) => honestUpdate(disk.blobs));
    await closeCollection(study);
    await until(() => study.enclave.state.phase === 'committed' && study.enclave.state.acknowledgements.size === 2);
    await study.command({ type: 'close-acknowledgement', at: START });
    await until(() => honest.every(({ agent }) => agent.state.model.round === 1));

    const members = [...updates, poison];
    const total = members.reduce((sum, { weight }) => sum + weight, 0);
    const average = Array.from({ length }, (_, index) => {
      const sum = members.reduce(
        (so, { weight, coordinates }) => so + BigInt(weight) * BigInt(coordinates[index] ?? 0),
        0n,
      );
      return Math.fround((Number(sum) / total) * 2 ** -20);
    });
    const weights = [...((await honest[0]?.model())?.weights ?? [])];
    expect(weights).toEqual(average);
    // Its share of the weight, times how far apart two updates can be: PROTOCOL §6 promises no more.
    const share = CAP / total;
    const alone = Array.from({ length }, (_, index) => {
      const rows = updates.reduce((sum, { weight }) => sum + weight, 0);
      return updates.reduce((so, { weight, coordinates }) => so + weight * (coordinates[index] ?? 0), 0) / rows;
    });
    weights.forEach((weight, index) => {
      const shift = weight - (alone[index] ?? 0) * 2 ** -20;
      expect(Math.abs(shift)).toBeLessThanOrEqual(share * 2 * BOUND * 2 ** -20);
    });
    // A cap on the weight is what keeps it from being all of the model.
    expect(share).toBeGreaterThan(0.99);
  });

  /** What an honest hospital has in its store to send again. */
  function honestUpdate(blobs: ReadonlyMap<string, Uint8Array>) {
    const stored = [...blobs].find(([key]) => key.startsWith('update/'))?.[1];
    if (stored === undefined) throw new Error('no update in the store');
    return must(decodeUpdate(stored.subarray(SALT_BYTES), { layoutLength: length, grid: contract.contract.grid }));
  }
});
