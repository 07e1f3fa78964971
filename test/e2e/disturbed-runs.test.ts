import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processesOf } from '../support/e2e-processes.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { decodeModelFile } from '../../lib/learning/model-file.ts';
import { receivedFileNames } from '../../site-agent/received-models.ts';
import { statementsOf, workshop, type Line, type SimulateRun } from '../support/e2e-simulate.ts';

const { simulate } = workshop();
/** Without noise, which is calibrated to the rounds of a study: so runs of different lengths have the same models. */
const start = (name: string, rounds: number, args: readonly string[]): SimulateRun =>
  simulate(name, ['--seed', 'faults', '--noise', 'none', '--rounds', String(rounds), ...args]);

const SITES = ['harbour', 'lakeside', 'northfield', 'st-anne'];

/** Under whatever load: what is asserted is what happens, not how fast. */
const PATIENCE = { timeout: 240_000 };

const KILLS: readonly (readonly [round: number, party: string, phase: string])[] = [
  'enclave',
  'coordinator',
  'lakeside',
]
  .flatMap((party) => ['commit', 'upload', 'acknowledge'].map((phase) => [party, phase] as const))
  .map(([party, phase], index) => [index + 1, party, phase]);

const ROUNDS = KILLS.length + 1;
/** Nothing happens to it; its models are what those of the disturbed runs are compared with. */
const calm = start('calm', ROUNDS, ['--keep']);

describe('a study that is disturbed on purpose', PATIENCE, () => {
  it.concurrent('goes on through every kind of fault, and ends with the same model', async () => {
    const run = start('disturbed', 6, [
      ...['--drop', 'site-3@2:1', '--tamper', 'st-anne@3', '--partition', 'harbour,site-2@4:1'],
      ...['--kill', 'enclave@5', '--kill', 'coordinator@6', '--latency', 'lakeside:5ms±2ms'],
    ]);
    const summary = await run.summary();
    await calm.summary();
    expect(summary).toMatchObject({ modelDigest: modelAfter(calm, 6), rounds: 6, passportVerified: true });
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
    const run = start('without', 6, ['--drop', 'site-3@2']);
    const summary = await run.summary();
    const [, second] = summary['history'] as { participants: string[]; absent: { site: string; why: string }[] }[];
    expect(second?.participants).toEqual(SITES.filter((site) => site !== 'northfield'));
    expect(second?.absent).toEqual([
      { site: 'northfield', why: expect.stringMatching(/asked for with --drop site-3@2$/) as unknown },
    ]);
    expect(summary).toMatchObject({ rounds: 6, passportVerified: true });
    expect(summary['faults']).toMatchObject([
      {
        struck: { round: 2 },
        outcome: expect.stringContaining('round 2: released at attempt 1 without northfield') as unknown,
      },
    ]);
  });

  it.concurrent('is refused before anything starts when a fault could never strike', async () => {
    const run = start('refused', 6, ['--drop', 'nobody@2', '--kill', 'enclave@7']);
    expect(await run.ended).toMatchObject({ code: 64 });
    expect(run.lines.filter(({ type }) => type === 'process')).toEqual([]);
    expect(run.lines.at(-1)).toMatchObject({ type: 'error', code: 'E-USAGE', refusals: { length: 2 } });
    expect(existsSync(run.out)).toBe(false);
  });
});

describe('programs that are killed', PATIENCE, () => {
  it.concurrent('at three points of a round each: nothing is lost, and the model is the same', async () => {
    const flags = KILLS.flatMap(([round, party, phase]) => ['--kill', `${party}@${round}/${phase}`]);
    // One hospital's slow line keeps every phase open for a while.
    const run = start('killed', ROUNDS, [...flags, '--latency', 'st-anne:100ms', '--keep']);
    // The program alone dies, and its chip starts it again.
    await run.phase(ROUNDS, 'commit', PATIENCE.timeout);
    process.kill(run.programOf('harbour'), 'SIGKILL');
    await run.phase(ROUNDS, 'upload');
    process.kill(run.programOf('enclave'), 'SIGKILL');
    const { modelDigest } = await calm.summary();
    const summary = await run.summary();
    expect(summary).toMatchObject({ modelDigest, passportVerified: true, rounds: ROUNDS });
    const [, ...faults] = summary['faults'] as { struck: Line; outcome: string }[];
    expect(faults.map(({ struck }) => [struck['round'], struck['phase']])).toEqual(
      KILLS.map(([round, , phase]) => [round, phase]),
    );
    for (const [index, { outcome }] of faults.entries())
      expect(outcome).toMatch(
        new RegExp(`^${KILLS[index]?.[1] ?? ''} was killed and started again .* with every hospital$`),
      );
    expect(run.lines.filter(({ type, state }) => type === 'process' && state === 'restarted')).toHaveLength(
      KILLS.length,
    );

    // Before the Intent an attempt ends with its enclave; behind it the sealed result is finished by the next one.
    expect(typesOf(run, 1)).toEqual(['1 manifest', '1 abort', '2 manifest', '2 certificate', '2 intent', '2 release']);
    expect(typesOf(run, 2).slice(0, 3)).toEqual(['1 manifest', '1 certificate', '1 abort']);
    expect(typesOf(run, 3)).toEqual(['1 manifest', '1 certificate', '1 intent', '1 release']);
    expect(bootOf(run, 3, 'intent')).not.toBe(bootOf(run, 3, 'release'));
    // Coordinator and agents come back to the attempt that they left.
    for (const [round] of KILLS.slice(3))
      expect(typesOf(run, round)).toEqual(['1 manifest', '1 certificate', '1 intent', '1 release']);
    expect(processesOf(run.out)).toEqual([]);
  });
});

/** What the enclave stated in `round`, with the attempt. */
const typesOf = (run: SimulateRun, round: number): string[] =>
  statementsOf(run).flatMap(({ statement }) =>
    statement.type !== 'genesis' && statement.round === round ? [`${statement.attempt} ${statement.type}`] : [],
  );

/** Of the enclave that signed the statement of `type` in `round`. */
const bootOf = (run: SimulateRun, round: number, type: 'intent' | 'release'): string | undefined =>
  statementsOf(run)
    .find(({ statement }) => statement.type === type && statement.round === round)
    ?.statement.bootKey.join();

/** The digest of the model that a hospital received after `round`. */
function modelAfter(run: SimulateRun, round: number): string | false {
  const file = join(run.out, 'work', 'st-anne', 'received', receivedFileNames(round).model);
  const model = decodeModelFile(new Uint8Array(readFileSync(file)));
  return model.ok && toHex(model.value.digest);
}
