import { beforeAll, describe, expect, it } from 'vitest';
import { noticeOf, type CoreNotice } from '../../aggregator-enclave/notice.ts';
import { isDurable, type EnclaveCommand } from '../../aggregator-enclave/event.ts';
import { evolve } from '../../aggregator-enclave/evolve.ts';
import { signWithdrawal } from '../../lib/contract/approval.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { SALT_BYTES, updateCommitment } from '../../lib/learning/update-codec.ts';
import { createMemoryDisk, type MemoryDisk } from '../../lib/store/memory.ts';
import {
  coordinatorCommandOf,
  DrivenCoordinator,
  enclaveCommandOf,
  handleAndTell,
} from '../support/driven-coordinator.ts';
import { MemoryEnclave, MemoryStudy, must, type MemorySite } from '../support/study-in-memory.ts';
import { digestOf, HOSPITALS, organisationSigner, START, testContract } from '../support/test-contract.ts';

const ROUNDS = 2;
const THREE = HOSPITALS.slice(0, 3);
// Two would be enough: a round that is locked or closed too early shows in the model.
const sealed = testContract({
  rounds: ROUNDS,
  kMin: 2,
  organisations: testContract().contract.organisations.slice(0, 3),
});

type Action = NonNullable<ReturnType<DrivenCoordinator['nextAction']>>;

/** The study at one moment: what happened to the enclave last, and everything that it has told until then. */
interface Moment {
  readonly enclave: MemoryEnclave;
  readonly notices: readonly CoreNotice[];
  /** Who made this moment out of the one before: the coordinator's asking, or somebody else. */
  readonly asked: boolean;
  /** The coordinator's disk, when it has heard everything. */
  readonly disk: MemoryDisk;
}

const timeline: Moment[] = [];
let released: string;

const copyOf = ({ streams, blobs }: MemoryDisk): MemoryDisk => ({ streams: new Map(streams), blobs: new Map(blobs) });
const logOf = (disk: MemoryDisk): readonly Uint8Array[] => disk.streams.get('coordinator') ?? [];
const diskOf = (log: readonly Uint8Array[]): MemoryDisk => ({
  streams: new Map([['coordinator', [...log]]]),
  blobs: new Map(),
});
const modelOf = ({ state }: MemoryEnclave): string =>
  state.phase === 'unborn' ? '' : toHex(state.ledger.model.digest);
const statementsOf = ({ enclave }: Pick<Moment, 'enclave'>): string =>
  enclave
    .statements()
    .map(({ digest }) => toHex(digest))
    .join();

/** One undisturbed study, but for an enclave that is killed in its second round: what is under way then is attempt 2. */
beforeAll(async () => {
  const study = new MemoryStudy(sealed);
  const disk = createMemoryDisk();
  const coordinator = await DrivenCoordinator.start(sealed, disk);
  const notices: CoreNotice[] = [];
  let heard = 0;
  const hear = async (): Promise<void> => {
    for (; heard < notices.length; heard++) await tell(coordinator, notices[heard]);
  };
  const keep = async (told: readonly CoreNotice[], asked: boolean): Promise<void> => {
    notices.push(...told);
    await hear();
    timeline.push({ enclave: study.enclave.fork(), notices: [...notices], asked, disk: copyOf(disk) });
  };
  await everybodyArrives(coordinator);
  await keep(pastOf(study.enclave), false);
  await coordinator.tell({ type: 'launch', rounds: ROUNDS });
  let killed = false;
  while (coordinator.state.phase !== 'finished') {
    const action = coordinator.nextAction();
    const command = action === null ? null : enclaveCommandOf(action, study.enclave);
    const told = command === null ? [] : done(handleAndTell(study.enclave, command));
    study.catchUp();
    if (told.length > 0) await keep(told, true);
    else if (action === null) {
      const acted = actOne(study);
      if (acted.length > 0) await keep(acted, false);
      else if (!(await coordinator.letTimePass())) throw new Error(`stuck in ${study.enclave.state.phase}`);
    }
    const { phase, ledger } = bornStateOf(study.enclave);
    if (!killed && phase === 'collecting' && ledger.model.round === 1) {
      killed = true;
      await keep(reboot(study), false);
      study.catchUp();
    }
  }
  released = modelOf(study.enclave);
});

describe('PROTOCOL §1, §7.8: a coordinator that lost its disk, or the end of it, goes on with what is under way', () => {
  it('the study that it is compared with went as it should', () => {
    const statements = last()
      .enclave.statements()
      .map(({ statement }) =>
        'round' in statement ? `${statement.type} ${statement.round}/${statement.attempt}` : statement.type,
      );
    expect(statements).toEqual([
      'genesis',
      ...['manifest 1/1', 'certificate 1/1', 'intent 1/1', 'release 1/1'],
      ...['manifest 2/1', 'certificate 2/1', 'abort 2/1'],
      ...['manifest 2/2', 'certificate 2/2', 'intent 2/2', 'release 2/2'],
    ]);
    const phases = new Set(timeline.map(({ enclave }) => enclave.state.phase));
    expect([...phases].sort()).toEqual(['aborted', 'collecting', 'committed', 'idle', 'locked', 'open', 'released']);
  });

  it('with nothing, launched again by itself once it knows the past: at every moment', async () => {
    for (const [index, moment] of timeline.entries()) {
      const coordinator = await fresh(moment, createMemoryDisk());
      await coordinator.tell({ type: 'auto-launch', rounds: ROUNDS });
      await goesOn(coordinator, index);
    }
  });

  it('with nothing, launched again by a person before it has heard of the past: at every moment', async () => {
    for (const [index, { notices }] of timeline.entries()) {
      const coordinator = await DrivenCoordinator.start(sealed, createMemoryDisk());
      await everybodyArrives(coordinator);
      const consents = notices.filter(({ kind }) => kind === 'approval');
      for (const notice of consents) await tell(coordinator, notice);
      await coordinator.tell({ type: 'launch', rounds: ROUNDS });
      await hearPast(coordinator, notices);
      await goesOn(coordinator, index);
    }
  });

  it('with nothing, launched again by a person long after: at every moment', async () => {
    for (const [index, moment] of timeline.entries()) {
      const coordinator = await fresh(moment, createMemoryDisk());
      if (coordinator.state.released === ROUNDS) continue;
      await coordinator.tell({ type: 'launch', rounds: ROUNDS });
      await goesOn(coordinator, index);
    }
  });

  /** Together every moment; each is as much as one test should take. */
  const QUARTERS = [0, 1, 2, 3];
  it.each(QUARTERS)(
    'with every backup of its store, and with every end of it missing: at every moment, quarter %i',
    async (quarter) => {
      let tried = 0;
      for (const [index, moment] of timeline.entries()) {
        if (index % QUARTERS.length !== quarter) continue;
        const log = logOf(moment.disk);
        for (let kept = 1; kept <= log.length; kept++) {
          const coordinator = await fresh(moment, diskOf(log.slice(0, kept)));
          // Where its log ends before its launch, and nowhere else.
          await coordinator.tell({ type: 'auto-launch', rounds: ROUNDS });
          await goesOn(coordinator, index);
          tried += 1;
        }
      }
      expect(tried).toBeGreaterThan(150);
    },
  );
});

describe('PROTOCOL §6.3: what hospitals signed comes back from the enclave', () => {
  it('an approval of one that is away, and a withdrawal of one that left for good', async () => {
    const study = new MemoryStudy(testContract({ kMin: 2 }));
    const [adler, , , dogwood] = HOSPITALS;
    if (adler === undefined || dogwood === undefined) throw new Error('four hospitals');
    const fields = { contract: study.sealed.digest, organisation: dogwood, at: START };
    const withdrawal = signWithdrawal(fields, organisationSigner(dogwood));
    const notices = pastOf(study.enclave);
    notices.push(...done(handleAndTell(study.enclave, { type: 'receive-withdrawal', from: dogwood, withdrawal })));
    const coordinator = await DrivenCoordinator.start(study.sealed, createMemoryDisk());
    for (const notice of notices) await tell(coordinator, notice);
    expect([...coordinator.state.approvals.keys()]).toEqual(HOSPITALS.slice(0, 3));
    expect([...coordinator.state.withdrawn.keys()]).toEqual([dogwood]);
    // So nobody waits for the one that left.
    await everybodyArrives(coordinator);
    await coordinator.tell({ type: 'launch', rounds: 1 });
    expect(coordinator.nextAction()).toMatchObject({ action: 'open-round', round: 1, attempt: 1 });
  });
});

/** A coordinator on `disk` that has heard everything up to `moment`. */
async function fresh({ notices }: Moment, disk: MemoryDisk): Promise<DrivenCoordinator> {
  const coordinator = await DrivenCoordinator.start(sealed, disk);
  await everybodyArrives(coordinator);
  await hearPast(coordinator, notices);
  return coordinator;
}

/** In the order of the link: first every statement, then what happened since the enclave was started, some of it again. */
async function hearPast(coordinator: DrivenCoordinator, notices: readonly CoreNotice[]): Promise<void> {
  for (const notice of notices) if (notice.kind === 'statement') await tell(coordinator, notice);
  for (const notice of notices) await tell(coordinator, notice);
}

/**
 * From the moment `index` on, hospitals and enclave do what they did; the coordinator may ask what it likes, but what
 * it makes the enclave do must be what was done then. No deadline runs out on the way. Ends with the same model.
 */
async function goesOn(coordinator: DrivenCoordinator, index: number): Promise<void> {
  let at = index;
  for (let idle = 0; coordinator.state.phase !== 'finished';) {
    const now = momentAt(at);
    const action = coordinator.nextAction();
    if (action === null) {
      const next = timeline[at + 1];
      if (next?.asked === false) idle = 0;
      else if ((await coordinator.letTimePass()) && idle < 50) {
        idle += 1;
        continue;
      } else throw new Error(`moment ${index}: stuck at ${at}, ${now.enclave.state.phase}: ${storyOf(coordinator)}`);
    } else {
      const made = historyAfter(at, action);
      if (made === statementsOf(now)) continue;
      if (timeline[at + 1]?.asked !== true || made !== statementsOf(momentAt(at + 1)))
        throw new Error(`moment ${index}: ${action.action} at ${at} made another history: ${storyOf(coordinator)}`);
    }
    at += 1;
    for (const notice of momentAt(at).notices.slice(now.notices.length)) await tell(coordinator, notice);
  }
  expect(at).toBe(timeline.length - 1);
  expect(modelOf(momentAt(at).enclave)).toBe(released);
  expect(coordinator.state.released).toBe(ROUNDS);
}

const histories = new Map<string, string>();
/** The enclave's statements once it was asked for `action` at the moment `at`; the same question has the same answer. */
function historyAfter(at: number, action: Action): string {
  const question = `${at}: ${action.action} ${action.round}/${action.attempt}`;
  const known = histories.get(question);
  if (known !== undefined) return known;
  const enclave = momentAt(at).enclave.fork();
  const command = enclaveCommandOf(action, enclave);
  if (command !== null) enclave.handle(command);
  const answer = statementsOf({ enclave });
  histories.set(question, answer);
  return answer;
}

const storyOf = ({ state }: DrivenCoordinator): string =>
  JSON.stringify({ ...state, approvals: state.approvals.size }, (_, value: unknown) =>
    value instanceof Set ? [...(value as Set<unknown>)] : value,
  );

async function tell(coordinator: DrivenCoordinator, notice: CoreNotice | undefined): Promise<void> {
  const command = notice === undefined ? null : coordinatorCommandOf(notice);
  if (command !== null) await coordinator.tell(command);
}

async function everybodyArrives(coordinator: DrivenCoordinator): Promise<void> {
  for (const organisation of THREE) await coordinator.tell({ type: 'see-site', organisation, connected: true });
}

/** What the host tells of an enclave that was born before anybody listened. */
function pastOf({ log, environment }: MemoryEnclave): CoreNotice[] {
  let state = new MemoryEnclave(environment.sealed).state;
  return log.flatMap((event) => {
    state = evolve(environment, state, event);
    return noticeOf(event, state) ?? [];
  });
}

/** The first hospital that has something to do does it; what the enclave tells of it. */
function actOne(study: MemoryStudy): CoreNotice[] {
  for (const site of study.sites) {
    const told = sendsOf(study, site).flatMap((command) => handleAndTell(study.enclave, command) ?? []);
    if (told.length > 0) {
      study.catchUp();
      takeRelease(study);
      return told;
    }
  }
  return [];
}

function sendsOf({ enclave }: MemoryStudy, site: MemorySite): EnclaveCommand[] {
  const { organisation: from } = site.environment;
  if (site.state.activity.phase === 'training') {
    const payload = site.payload();
    const commit = updateCommitment(payload.subarray(0, SALT_BYTES), payload.subarray(SALT_BYTES));
    const parent = site.state.model.digest;
    must(site.handle({ type: 'finish-training', parent, commit, payloadBytes: payload.length }));
  }
  const { activity } = site.state;
  switch (activity.phase) {
    case 'committed': {
      const { commit, endorsement } = activity;
      return [{ type: 'receive-commit', at: START, from, commit, endorsement }];
    }
    case 'uploading': {
      // Sent twice it would be refused once the collection is closed.
      if (enclave.state.phase !== 'locked' && enclave.state.phase !== 'collecting') return [];
      return [
        { type: 'receive-header', from, header: activity.header },
        { type: 'receive-update', from, payload: site.payload() },
      ];
    }
    case 'acknowledged': {
      const { acknowledgement } = activity;
      return [{ type: 'receive-acknowledgement', at: START, from, acknowledgement, endorsement: site.endorsement }];
    }
    case 'waiting':
    case 'training':
      return [];
  }
}

function takeRelease({ enclave, sites }: MemoryStudy): void {
  if (enclave.state.phase !== 'released') return;
  const release = { type: 'receive-release', bundle: enclave.bundle(), weights: enclave.weights() } as const;
  for (const site of sites) must(site.handle(release));
}

/** A kill and a boot of the enclave; what it tells of it. */
function reboot(study: MemoryStudy): CoreNotice[] {
  const successor = new MemoryEnclave(sealed, 'second boot');
  const { signer } = successor.environment;
  for (const event of study.enclave.log.filter(isDurable)) {
    successor.state = evolve(successor.environment, successor.state, event);
    successor.log.push(event);
  }
  Object.assign(study, { enclave: successor });
  for (const site of study.sites) must(site.handle({ type: 'trust-boot-key', bootKey: signer.publicKey }));
  const weights = initialWeights(sealed.contract.model.spec);
  const boot = { type: 'boot', at: START, noiseRoot: digestOf('noise root'), initialWeights: weights } as const;
  const told = done(handleAndTell(successor, boot));
  const publication = { type: 'record-publication', publication: successor.publication() } as const;
  return [...told, ...done(handleAndTell(successor, publication))];
}

function done(told: CoreNotice[] | null): CoreNotice[] {
  if (told === null) throw new Error('the enclave refused');
  return told;
}

type BornState = Exclude<MemoryEnclave['state'], { readonly phase: 'unborn' }>;
function bornStateOf({ state }: MemoryEnclave): BornState {
  if (state.phase === 'unborn') throw new Error('no genesis yet');
  return state;
}

function momentAt(index: number): Moment {
  const moment = timeline[index];
  if (moment === undefined) throw new Error(`no moment ${index}`);
  return moment;
}

const last = (): Moment => momentAt(timeline.length - 1);
