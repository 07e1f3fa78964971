import { afterAll, describe, expect, it, vi } from 'vitest';
import { duplexPair } from '../../../lib/channel/duplex-pair.ts';
import { createLogger } from '../../../lib/telemetry/logger.ts';
import { Backoff } from '../../../site-agent/reconnect.ts';
import { serveSessions } from '../../../site-agent/site-sessions.ts';
import { cutOff, until } from '../../support/round-in-process.ts';
import { endorsementOf, StudyInProcess, type SiteInProcess } from '../../support/study-in-process.ts';
import { testContract } from '../../support/test-contract.ts';

const contract = testContract();
const NO_ROWS = {
  features: new Float32Array(),
  labels: new Float32Array(),
  rows: 0,
  rawRowIndex: new Uint32Array(),
};
const running: StudyInProcess[] = [];

afterAll(() => {
  for (const study of running) study.stop();
});

async function started(): Promise<StudyInProcess> {
  const study = await StudyInProcess.start(contract);
  running.push(study);
  return study;
}

interface Dialled {
  /** How often its pauses began from the smallest again. */
  readonly resets: number;
  readonly codes: readonly unknown[];
}

/** The agent of `site` as its program runs it, before `study`'s enclave, until it has ended `sessions` sessions. */
async function dial(site: SiteInProcess, study: StudyInProcess, sessions: number): Promise<Dialled> {
  const stop = new AbortController();
  const backoff = new Backoff(stop.signal);
  const resets = vi.spyOn(backoff, 'reset');
  const codes: unknown[] = [];
  const log = (line: string): void => {
    const { event, code } = JSON.parse(line) as Record<string, unknown>;
    if (event === 'session.ended') codes.push(code);
    if (codes.length === sessions) stop.abort();
  };
  const { agent, environment, platform } = site;
  await serveSessions({
    agent,
    environment,
    platform,
    link: {
      submitApproval: async () => undefined,
      submitWithdrawal: async () => undefined,
      dial: () => {
        const { site: near, enclave: far } = duplexPair();
        const ignore = (): undefined => undefined;
        void study.accept(far, { opened: ignore, closed: ignore, refused: ignore });
        return near;
      },
    },
    endorse: () => endorsementOf(environment),
    resources: { table: async () => NO_ROWS },
    stop: { signal: stop.signal, now: () => undefined },
    log: createLogger({ name: 'site', level: 'info', destination: { write: log } }),
    backoff,
  });
  return { resets: resets.mock.calls.length, codes };
}

describe('PROTOCOL §7.14: an enclave that does not know a hospital’s newest statement', () => {
  it('is dialled again after pauses that grow, and its refusal is in the log', async () => {
    const followed = await started();
    const [site] = followed.sites;
    if (site === undefined) throw new Error('no site');
    followed.connect([site]);
    await until(() => site.agent.state.chain.length === 1);
    await cutOff([site]);
    const another = await started();
    expect(await dial(site, another, 2)).toEqual({ resets: 0, codes: ['E-HEAD-UNPROVEN', 'E-HEAD-UNPROVEN'] });
    expect(site.asked).toEqual([0, 0]);
  });
});
