import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'vitest';
import { repositoryRoot, statementsOf, workshop, type Line, type SimulateRun } from '../support/e2e-simulate.ts';

/** docs/recovery.md, "An old copy was put back", tried with real programs: which may be under any load. */

const PATIENCE = { timeout: 240_000 };
const SITES = ['harbour', 'lakeside', 'northfield', 'st-anne'];
const LAUNCHER = join(repositoryRoot, 'bin', 'consilium.mjs');
const { path, simulate } = workshop();

/** The shipped study, which waits for a hospital that stays out as long as a test can, and goes on without it. */
function study(): string {
  const shipped = readFileSync(join(repositoryRoot, 'examples', 'heart-disease', 'study.yaml'), 'utf8');
  const file = path('study.yaml');
  const deadlines = 'deadlines: { commitMs: 4000, uploadMs: 4000, acknowledgeMs: 20000 }';
  writeFileSync(file, shipped.replace(/^deadlines: .*$/m, deadlines).replace(/^kMin: .*$/m, 'kMin: 2'));
  return file;
}

const start = (name: string, rounds: number): SimulateRun =>
  simulate(name, ['--study', study(), '--rounds', String(rounds), '--keep']);

const storeOf = ({ out }: SimulateRun, party: string): string =>
  join(out, 'work', party, `${SITES.includes(party) ? 'site' : party}.sqlite`);

/** As the page says, while the program runs. */
function backUp(run: SimulateRun, party: string): void {
  const store = storeOf(run, party);
  const database = new DatabaseSync(store);
  database.exec(`VACUUM INTO '${store}.backup'`);
  database.close();
  chmodSync(`${store}.backup`, 0o600);
}

const SUFFIXES = ['', '-wal', '-shm'];

/** The three files of `to` become those of `from`. */
function replace(to: string, from: string): void {
  for (const suffix of SUFFIXES) {
    rmSync(to + suffix, { force: true });
    if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix);
  }
}

/** The program stands still, its files give way to the copy, and then it dies; whoever watches it starts it again. */
function putBack(run: SimulateRun, party: string, pid: number): void {
  const store = storeOf(run, party);
  process.kill(pid, 'SIGSTOP');
  replace(`${store}.newest`, store);
  replace(store, `${store}.backup`);
  process.kill(pid, 'SIGKILL');
}

const logOf = ({ out }: SimulateRun, party: string): string =>
  readFileSync(join(out, 'work', 'logs', `${party}.log`), 'utf8');

const consilium = (...args: string[]): Promise<{ readonly exit: number | null; readonly stdout: string }> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, [LAUNCHER, ...args], (_fault, stdout) => {
      resolve({ exit: child.exitCode, stdout });
    });
  });

/** The phase in which the enclave of a run that has ended finds itself when it is started once more. */
async function phaseOnStart(run: SimulateRun): Promise<unknown> {
  const loaded = (): Line[] => {
    const lines = logOf(run, 'enclave').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as Line).filter(({ event }) => event === 'study.loaded');
  };
  const before = loaded().length;
  const config = join(run.out, 'work', 'enclave', 'enclave.yaml');
  const child = spawn(process.execPath, [LAUNCHER, 'enclave', '--config', config], { stdio: 'ignore' });
  while (loaded().length === before && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGTERM');
  await once(child, 'close');
  return loaded().at(before)?.['phase'];
}

/** The line that tells of the release of `round`, or of a later one. */
const released = (run: SimulateRun, round: number): Promise<Line> =>
  run.line(({ type, round: seen }) => type === 'released' && Number(seen) >= round, PATIENCE.timeout);

const roundsOf = (run: SimulateRun): string[][] =>
  statementsOf(run).flatMap(({ statement }) =>
    statement.type === 'intent' ? [statement.members.map(({ organisation }) => organisation).sort()] : [],
  );

describe('an old copy of a disk is put back', PATIENCE, () => {
  it.concurrent('of a hospital, which waits for a person; of the coordinator, which catches up', async ({ expect }) => {
    const run = start('site-and-coordinator', 9);
    await released(run, 1);
    backUp(run, 'harbour');
    backUp(run, 'coordinator');
    const { round } = await released(run, 2);
    putBack(run, 'harbour', run.programOf('harbour'));

    // It stays out, and the others go on.
    await expect.poll(() => logOf(run, 'harbour'), PATIENCE).toContain('"code":"E-SITE-BEHIND"');
    expect(logOf(run, 'harbour')).toContain('"event":"site.behind"');
    await released(run, Number(round) + 2);
    const config = join(run.out, 'work', 'harbour', 'site.yaml');
    const accepted = await consilium('site', 'accept-backup', '--config', config, '--json');
    expect(accepted.exit, accepted.stdout).toBe(0);
    const told = JSON.parse(accepted.stdout) as Line;
    expect(told).toMatchObject({ type: 'backup-accepted', accepted: true, organisation: 'harbour' });
    expect(told['recoveredDebits']).toBeGreaterThanOrEqual(1);
    await expect.poll(() => logOf(run, 'harbour'), PATIENCE).toContain('"event":"site.backup-accepted"');
    putBack(run, 'coordinator', run.processOf('coordinator'));

    const summary = await run.summary();
    expect(summary).toMatchObject({ rounds: 9, passportVerified: true });
    const rounds = roundsOf(run);
    expect(rounds).toHaveLength(9);
    expect(rounds.slice(0, 1)).toEqual([SITES]);
    const without = rounds.filter((members) => !members.includes('harbour'));
    expect(without.length).toBeGreaterThanOrEqual(1);
    expect(rounds.at(-1)).toEqual(SITES);
    // It debited no model twice, and every release was taken.
    expect(logOf(run, 'harbour')).not.toMatch(/E-RELEASE-INVALID|E-UPDATE-COMMITMENT|agent\.fault/);
  });

  it.concurrent(
    'of the enclave and the coordinator: the hospitals halt it, and the newest copy goes on',
    async ({ expect }) => {
      const run = start('enclave', 9);
      await released(run, 1);
      for (const party of ['enclave', 'coordinator']) backUp(run, party);
      await released(run, 2);
      // The coordinator first: it would notice the second history by itself.
      putBack(run, 'coordinator', run.processOf('coordinator'));
      putBack(run, 'enclave', run.programOf('enclave'));
      expect(await run.ended).toMatchObject({ code: 77 });
      expect(run.lines.at(-1)).toMatchObject({ type: 'error', code: 'E-STATE-BEHIND', exit: 77 });
      expect(logOf(run, 'enclave')).toContain('"event":"enclave.halted","code":"E-STATE-BEHIND"');
      // It stays halted, whoever asks; the newest copy knows nothing of it.
      expect(await phaseOnStart(run)).toBe('halted');
      const store = storeOf(run, 'enclave');
      replace(store, `${store}.newest`);
      expect(await phaseOnStart(run)).toMatch(/^(released|aborted|committed)$/);
    },
  );
});

const hasLimits = spawnSync('prlimit', ['--version']).status === 0;
if (!hasLimits) console.warn('SKIPPED: prlimit is not here, so no program runs out of room in mid-study');

describe.skipIf(!hasLimits)('a disk without room', PATIENCE, () => {
  it.concurrent('under each program: named, and started again they go on', async ({ expect }) => {
    const run = start('no-room', 5);
    await released(run, 1);
    const faults = { lakeside: 'agent.fault', enclave: 'enclave.fault', coordinator: 'coordinator.fault' };
    for (const party of Object.keys(faults)) {
      // The log of its store is its largest file, and may not grow any more: what a quota does to its next write.
      const { size } = statSync(`${storeOf(run, party)}-wal`);
      const pid = party === 'coordinator' ? run.processOf(party) : run.programOf(party);
      spawnSync('prlimit', ['--pid', String(pid), `--fsize=${size + 4096}`]);
    }
    expect(await run.summary()).toMatchObject({ rounds: 5, passportVerified: true });
    expect(roundsOf(run)).toHaveLength(5);
    for (const [party, event] of Object.entries(faults))
      expect(logOf(run, party)).toMatch(new RegExp(`"event":"${event}","fault":.*"code":"E-STORE-FULL"`));
    for (const party of ['lakeside', 'enclave'])
      expect(readFileSync(join(run.out, 'work', 'logs', `${party}.out`), 'utf8')).toContain('"died","exitCode":74');
  });
});
