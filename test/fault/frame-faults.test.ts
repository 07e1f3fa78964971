import { describe, expect, it } from 'vitest';
import { toHex } from '../../lib/core/bytes.ts';
import { duplexPair } from '../../lib/channel/duplex-pair.ts';
import type { ErrorCode } from '../../lib/core/errors.ts';
import { FrameFaults, type FrameFault } from '../support/faulty-duplex.ts';
import { StudyInProcess, type SiteInProcess } from '../support/study-in-process.ts';
import { digestOf, HOSPITALS, START, testContract } from '../support/test-contract.ts';

/** Every hospital is needed, so that the model does not depend on who was cut off for a while. */
const contract = testContract({ kMin: HOSPITALS.length });
const ROUNDS = 2;
/** Nothing has moved for so long: the round goes on, or is tried again. */
const PATIENCE_MS = 500;
const salt = digestOf('result salt');

interface Outcome {
  /** Of the models after each round, the same at every hospital. */
  readonly digests: readonly string[];
  /** Why sessions broke off, as both sides say. */
  readonly named: ReadonlySet<ErrorCode>;
  readonly sessions: number;
}

/** A whole study whose lines suffer as `faultOf` says; hospitals dial again whenever a session is over. */
async function study(
  faultOf: (index: number) => { readonly site?: FrameFaults; readonly enclave?: FrameFaults } = () => ({}),
): Promise<Outcome> {
  const running = await StudyInProcess.start(contract);
  let sessions = 0;
  const dial = (site: SiteInProcess, index: number): void => {
    const faults = faultOf(index);
    sessions += 1;
    running.connect([site], () => {
      const { site: near, enclave: far } = duplexPair();
      return { site: faults.site?.wrap(near) ?? near, enclave: faults.enclave?.wrap(far) ?? far };
    });
  };
  running.sites.forEach(dial);
  const redialling = setInterval(() => {
    running.sites.forEach((site, index) => {
      if (site.ended) dial(site, index);
    });
  }, 10);
  const digests: string[] = [];
  try {
    for (let round = 1; round <= ROUNDS; round++) digests.push(await runRound(running, round));
  } finally {
    clearInterval(redialling);
    running.stop();
  }
  return { digests, named: new Set(running.sites.flatMap(({ endings }) => endings.map(({ code }) => code))), sessions };
}

/** What a coordinator does: asks for the next step when everybody is there or nothing moves, and tries again. */
async function runRound(running: StudyInProcess, round: number): Promise<string> {
  for (let attempt = 1; attempt <= 200; attempt++) {
    await running.command({ type: 'open-round', at: START, round, attempt });
    await step(running, () => running.enclave.state.phase === 'open' && running.enclave.state.commits.size);
    await running.command({ type: 'lock-cohort', at: START });
    if (phaseOf(running) === 'aborted') continue;
    await step(running, () => running.enclave.state.phase === 'collecting' && running.enclave.state.accepted.size);
    await running.command({ type: 'close-collection', at: START, salt });
    if (phaseOf(running) === 'aborted') continue;
    // Every hospital must acknowledge: there is no fewer that could be enough.
    while (!running.sites.every(({ agent }) => agent.state.model.round === round)) await tick();
    const [digest = '', ...others] = running.sites.map(({ agent }) => toHex(agent.state.model.digest));
    expect(others).toEqual([digest, digest, digest]);
    return digest;
  }
  throw new Error(`round ${round} was not released`);
}

/** Waits until `count` is that of all hospitals, or does not grow any more. */
async function step(running: StudyInProcess, count: () => number | false): Promise<void> {
  let seen = -1;
  let movedAt = performance.now();
  while (performance.now() - movedAt < PATIENCE_MS) {
    const now = Number(count());
    if (now === running.sites.length) return;
    if (now !== seen) movedAt = performance.now();
    seen = now;
    await tick();
  }
}

const phaseOf = ({ enclave: { state } }: StudyInProcess): string => state.phase;

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));

const undisturbed = study();

interface Sender {
  /** Frames that the faults strike, one for each hospital; a cut and a delay may strike the handshake. */
  readonly anywhere: readonly number[];
  /** Frames behind the handshake that another one follows: the gap is noticed by what comes next. */
  readonly followed: readonly number[];
}

/** Behind its handshake a site sends sync, commit, header, update, acknowledgement, commit, …; the enclave answers all. */
const SENDERS: Readonly<Record<'site' | 'enclave', Sender>> = {
  site: { anywhere: [0, 4, 6, 8], followed: [5, 6, 7, 9] },
  enclave: { anywhere: [0, 3, 5, 8], followed: [3, 4, 5, 8] },
};
const CASES: readonly (readonly [FrameFault, keyof Sender, readonly ErrorCode[]])[] = [
  ['drop', 'followed', ['E-CHANNEL-FRAME']],
  ['duplicate', 'followed', ['E-CHANNEL-FRAME']],
  ['reorder', 'followed', ['E-CHANNEL-FRAME']],
  ['cut', 'anywhere', ['E-CHANNEL-TRUNCATED']],
  ['delay', 'anywhere', []],
];

describe.each(['site', 'enclave'] as const)('PROTOCOL §4.2: a frame that the %s sends', (sender) => {
  it.each(CASES)(
    '%s: noticed by name, the hospital comes back, the models are the same',
    async (fault, where, names) => {
      const faults = SENDERS[sender][where].map((at) => new FrameFaults(fault, at));
      const { digests, named, sessions } = await study((index) => ({ [sender]: faults[index] }));
      expect(faults.map(({ struck }) => struck)).toEqual([true, true, true, true]);
      expect(digests).toEqual((await undisturbed).digests);
      expect([...named]).toEqual(names);
      expect(sessions).toBe((names.length === 0 ? 1 : 2) * HOSPITALS.length);
    },
    180_000,
  );
});

it('an undisturbed study has one session for each hospital and names nothing', async () => {
  const { named, sessions } = await undisturbed;
  expect({ named: [...named], sessions }).toEqual({ named: [], sessions: HOSPITALS.length });
});
