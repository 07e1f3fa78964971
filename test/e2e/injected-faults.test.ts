import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processesOf } from '../support/e2e-processes.ts';
import { workshop, type Line, type SimulateRun } from '../support/e2e-simulate.ts';

const ROUNDS = 6;
const { simulate } = workshop();
const start = (name: string, args: readonly string[]): SimulateRun =>
  simulate(name, ['--seed', 'faults', '--rounds', String(ROUNDS), ...args]);

const SITES = ['harbour', 'lakeside', 'northfield', 'st-anne'];

/** Under whatever load: what is asserted is what happens, not how fast. */
const PATIENCE = { timeout: 240_000 };

describe('a study that is disturbed on purpose', PATIENCE, () => {
  it.concurrent('goes on through every kind of fault, and ends with the same model', async () => {
    const calm = start('calm', []);
    const run = start('disturbed', [
      ...['--drop', 'site-3@2:1', '--tamper', 'st-anne@3', '--partition', 'harbour,site-2@4:1'],
      ...['--kill', 'enclave@5', '--kill', 'coordinator@6', '--latency', 'lakeside:5ms±2ms'],
    ]);
    const summary = await run.summary();
    const { modelDigest } = await calm.summary();
    expect(summary).toMatchObject({ modelDigest, rounds: ROUNDS, passportVerified: true });
    const history = summary['history'] as Line[];
    expect(history.map(({ participants }) => participants)).toEqual(history.map(() => SITES));
    expect(history[4]).toMatchObject({ aborted: [{ attempt: 1, code: 'E-ENCLAVE-RESTARTED' }] });
    const struck = (round: number, phase: string) => ({ round, phase });
    expect(summary['faults']).toMatchObject([
      { asked: '--latency lakeside:5ms±2ms', parties: ['lakeside'], struck: struck(0, 'start') },
      { asked: '--drop site-3@2:1', parties: ['northfield'], struck: struck(2, 'opening') },
      { asked: '--tamper st-anne@3', parties: ['st-anne'], struck: struck(3, 'opening') },
      { asked: '--partition harbour,site-2@4:1', parties: ['harbour', 'lakeside'], struck: struck(4, 'opening') },
      { asked: '--kill enclave@5', parties: ['enclave'], struck: struck(5, 'upload') },
      { asked: '--kill coordinator@6', parties: ['coordinator'], struck: struck(6, 'upload') },
    ]);
    const [, drop, tamper, partition, enclave] = (summary['faults'] as { outcome: string }[]).map((one) => one.outcome);
    expect(drop).toMatch(/^northfield had no network for .* connections? reset; round 2: .*with every hospital/);
    expect(tamper).toMatch(/^a bit was flipped in what was sent by st-anne, which dialled again; round 3: /);
    expect(partition).toMatch(/^packets of harbour and lakeside vanished for .*; round 4: /);
    expect(enclave).toMatch(/; round 5: attempt 1 aborted \(E-ENCLAVE-RESTARTED\), released at attempt 2 with every/);
    const shown = run.lines.filter(({ type }) => type === 'fault');
    expect(shown.filter(({ state }) => state === 'struck')).toHaveLength(6);
    expect(shown.filter(({ state }) => state === 'over').map(({ asked }) => asked)).toEqual(
      expect.arrayContaining(['--drop site-3@2:1', '--kill enclave@5', '--kill coordinator@6']),
    );
    const report = readFileSync(join(run.out, 'report.html'), 'utf8');
    expect(report).toContain('Faults that were asked for');
    expect(report).toContain('<code>--kill enclave@5</code>');
    expect(processesOf(run.out)).toEqual([]);
  });

  it.concurrent('goes on without a hospital whose network is gone, and says who and why', async () => {
    const run = start('without', ['--drop', 'site-3@2']);
    const summary = await run.summary();
    const [, second] = summary['history'] as { participants: string[]; absent: { site: string; why: string }[] }[];
    expect(second?.participants).toEqual(SITES.filter((site) => site !== 'northfield'));
    expect(second?.absent).toEqual([
      { site: 'northfield', why: expect.stringMatching(/asked for with --drop site-3@2$/) as unknown },
    ]);
    expect(summary).toMatchObject({ rounds: ROUNDS, passportVerified: true });
    expect(summary['faults']).toMatchObject([
      {
        struck: { round: 2 },
        outcome: expect.stringContaining('round 2: released at attempt 1 without northfield') as unknown,
      },
    ]);
  });

  it.concurrent('is refused before anything starts when a fault could never strike', async () => {
    const run = start('refused', ['--drop', 'nobody@2', '--kill', 'enclave@7']);
    expect(await run.ended).toMatchObject({ code: 64 });
    expect(run.lines.filter(({ type }) => type === 'process')).toEqual([]);
    expect(run.lines.at(-1)).toMatchObject({ type: 'error', code: 'E-USAGE', refusals: { length: 2 } });
    expect(existsSync(run.out)).toBe(false);
  });
});
