import { afterEach, describe, expect, it } from 'vitest';
import { SESSION_LIFETIME_MS } from '../../lib/channel/session.ts';
import type { ChannelClock } from '../../lib/channel/clock.ts';
import { duplexPair } from '../../lib/channel/duplex-pair.ts';
import type { FrameDuplex } from '../../lib/channel/duplex.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { closeCollection, phaseOf } from '../support/round-in-process.ts';
import { StudyInProcess, type DuplexPair, type SiteInProcess } from '../support/study-in-process.ts';
import { START, testContract } from '../support/test-contract.ts';
import { FakeClock } from '../unit/channel/fake-clock.ts';

const contract = testContract({ kMin: 4 });
const { reattestIntervalMs } = contract.contract;
const STEP_MS = 10_000;

let study: StudyInProcess | null = null;
afterEach(() => {
  study?.stop();
  study = null;
});

/** Sessions live by a clock that moves only here; documents keep their one moment. */
class Scene {
  readonly time: FakeClock;
  readonly study: StudyInProcess;
  readonly slow: SiteInProcess;
  readonly others: readonly SiteInProcess[];

  private constructor(running: StudyInProcess, time: FakeClock) {
    const [slow, ...others] = running.sites;
    if (slow === undefined) throw new Error('no sites');
    this.study = running;
    this.time = time;
    this.slow = slow;
    this.others = others;
  }

  /** `lay`: the line of the hospital that takes long. */
  static async start(lay: () => DuplexPair = () => duplexPair()): Promise<Scene> {
    const time = new FakeClock();
    const clock: ChannelClock = {
      now: () => START,
      monotonicMs: () => time.monotonicMs(),
      after: (ms, run) => time.after(ms, run),
    };
    study = await StudyInProcess.start(contract, { clock });
    const scene = new Scene(study, time);
    study.connect(scene.others);
    study.connect([scene.slow], lay);
    return scene;
  }

  /** Lets a little time pass until `condition` holds: quotes are batched by the clock. */
  async until(condition: () => boolean): Promise<void> {
    for (let turn = 0; !condition(); turn++) {
      if (turn > 400) throw new Error(`not within ${turn} turns`);
      await this.time.advance(20, 20);
    }
  }

  /** Up to the point at which all but one have sent their update and that one trains. */
  async trainingForLong(): Promise<void> {
    const { enclave } = this.study;
    await this.study.command({ type: 'open-round', at: START, round: 1, attempt: 1 });
    await this.until(() => enclave.state.phase === 'open' && enclave.state.commits.size === 4);
    this.slow.hold();
    await this.study.command({ type: 'lock-cohort', at: START });
    await this.until(() => enclave.state.phase === 'collecting' && enclave.state.accepted.size === 3);
    expect(this.slow.agent.state.activity.phase).toBe('training');
  }

  /** As a hospital's program does when its session is over. */
  async comeBack(sites: readonly SiteInProcess[]): Promise<void> {
    await this.until(() => sites.every(({ ended }) => ended));
    this.study.connect(sites);
  }

  async finish(): Promise<void> {
    const { enclave } = this.study;
    await this.until(() => enclave.state.phase === 'collecting' && enclave.state.accepted.size === 4);
    await closeCollection(this.study);
    await this.until(() => phaseOf(this.study) === 'released');
    await this.until(() => this.study.sites.every(({ agent }) => agent.state.model.round === 1));
    const digests = this.study.sites.map(({ agent }) => toHex(agent.state.model.digest));
    expect(new Set(digests).size).toBe(1);
    for (const site of this.study.sites) {
      expect(site.trained).toEqual([1]);
      expect(site.agent.state.spent.size).toBe(1);
      expect(site.refusals).toEqual([]);
    }
  }
}

/** While it trains without a pause it neither reads nor sends. */
class BusyMachine {
  #free: Promise<unknown> = Promise.resolve();
  idle: () => void = () => undefined;

  busy(): void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#free = promise;
    this.idle = () => {
      resolve(undefined);
    };
  }

  line(): DuplexPair {
    const { site, enclave } = duplexPair();
    const own: FrameDuplex = {
      next: async () => {
        const frame = await site.next();
        await this.#free;
        return frame;
      },
      send: async (frame) => {
        await this.#free;
        await site.send(frame);
      },
      close: (reason) => {
        site.close(reason);
      },
    };
    return { site: own, enclave };
  }
}

const endingsOf = ({ endings }: SiteInProcess): Set<string> => new Set(endings.map(({ code }) => code));

describe('PROTOCOL §4.6: sessions and a training that takes long', () => {
  it('both sides prove themselves again every interval, and the update goes out in the session it began in', async () => {
    const scene = await Scene.start();
    await scene.trainingForLong();
    await scene.time.advance(10 * reattestIntervalMs, STEP_MS);
    expect(scene.study.sites.map(({ ended }) => ended)).toEqual([false, false, false, false]);
    scene.slow.letGo();
    await scene.finish();
    expect(scene.study.sites.flatMap(({ endings }) => endings)).toEqual([]);
  });

  it('a session ends after an hour; the training outlives it and the update goes out in the next one', async () => {
    const scene = await Scene.start();
    await scene.trainingForLong();
    await scene.time.advance(SESSION_LIFETIME_MS, STEP_MS);
    await scene.comeBack(scene.study.sites);
    for (const site of scene.study.sites) expect(endingsOf(site)).toEqual(new Set(['E-CHANNEL-EXPIRED']));
    // Its new session finds it training: it goes on with the training that runs and begins no other.
    await scene.time.advance(reattestIntervalMs, STEP_MS);
    expect(scene.slow.agent.state.activity.phase).toBe('training');
    scene.slow.letGo();
    await scene.finish();
  });

  it('a training that ends between two sessions waits for the next, and several sessions may pass', async () => {
    const scene = await Scene.start();
    await scene.trainingForLong();
    for (let hour = 1; hour <= 2; hour++) {
      await scene.time.advance(SESSION_LIFETIME_MS, STEP_MS);
      await scene.comeBack(scene.study.sites);
      await scene.time.advance(1_000, 20);
    }
    await scene.time.advance(SESSION_LIFETIME_MS, STEP_MS);
    await scene.until(() => scene.study.sites.every(({ ended }) => ended));
    scene.slow.letGo();
    await scene.until(() => scene.slow.agent.state.activity.phase === 'uploading');
    scene.study.connect();
    await scene.finish();
  });

  it('a machine that could not answer a challenge while it trained comes back, and sends what it has', async () => {
    const machine = new BusyMachine();
    const scene = await Scene.start(() => machine.line());
    await scene.trainingForLong();
    machine.busy();
    await scene.time.advance(reattestIntervalMs + 60_000, STEP_MS);
    machine.idle();
    await scene.comeBack([scene.slow]);
    expect(endingsOf(scene.slow)).toContain('E-CHANNEL-TIMEOUT');
    expect(scene.others.flatMap(({ endings }) => endings)).toEqual([]);
    scene.slow.letGo();
    await scene.finish();
  });
});
