import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../lib/core/bytes.ts';
import { decodeModelFile } from '../../lib/learning/model-file.ts';
import { receivedFileNames } from '../../site-agent/received-models.ts';
import { filesBelow, formsOfSecret, formsOfValue, sourcesWith, writeCanaryHospitals } from '../support/e2e-canaries.ts';
import { commandLine, connectedPorts, environmentOf, processesOf } from '../support/e2e-processes.ts';
import { statementsOf, workshop, type SimulateRun } from '../support/e2e-simulate.ts';

/** Of every run: the noise is calibrated to them, so that only studies of as many rounds have the same models. */
const ROUNDS = 4;
/** Three runs of a dozen processes each share the machine. */
const PATIENCE_MS = 180_000;
const SITES = ['harbour', 'lakeside', 'northfield', 'st-anne'];
const { path, simulate } = workshop();
const data = path('hospitals');
const planted = writeCanaryHospitals(data);
const start = (name: string, args: readonly string[] = []): SimulateRun =>
  simulate(name, ['--data', data, '--seed', 'e2e', '--rounds', String(ROUNDS), '--keep', ...args]);

describe('runs of one seed', () => {
  let first: SimulateRun;
  /** Command line and environment of every process, while they ran. */
  const processes = new Map<string, Buffer>();

  it('reach the enclave through the coordinator unless told otherwise', async () => {
    first = start('relayed');
    await first.phase(2, 'upload');
    for (const pid of processesOf(first.out)) {
      processes.set(`command line of ${pid}`, Buffer.from(commandLine(pid), 'latin1'));
      processes.set(`environment of ${pid}`, Buffer.from(environmentOf(pid), 'latin1'));
    }
    expect(processes.size).toBeGreaterThanOrEqual(2 * 11);
    const coordinator = portOf(first, 'coordinator');
    for (const site of SITES) expect(connectedPorts(first.programOf(site))).toEqual([coordinator]);
    expect((await first.summary())['modelDigest']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('leave no value of a patient in any log, event, report, summary or stored statement', () => {
    const own = filesBelow(first.out).filter((file) => !/\/site\.sqlite[^/]*$/.test(file));
    expect(own.map((file) => basename(file))).toEqual(
      expect.arrayContaining(['report.html', 'coordinator.log', 'st-anne.out', 'enclave.sqlite', 'summary.json']),
    );
    const sources = new Map(own.map((path) => [path, readFileSync(path)]));
    sources.set('standard output', Buffer.from(first.stdout)).set('standard error', Buffer.from(first.stderr));
    expect(sourcesWith(planted.flatMap(formsOfValue), sources)).toEqual([]);
    // The search finds what is there.
    const file = readFileSync(join(data, 'processed.st-anne.data'));
    expect(sourcesWith(planted.flatMap(formsOfValue), new Map([['data', file]]))).toEqual(['data']);
  });

  it('leave no secret in any log, event, store, command line or environment', async () => {
    const isSecret = (path: string): boolean => /\.(?:key|seed)$/.test(path);
    const all = filesBelow(first.out);
    const secrets = all.filter(isSecret).filter((path) => !path.endsWith('tls.key'));
    // A key for each hospital, the chip's root, and a seed for the enclave and each hospital.
    expect(secrets).toHaveLength(4 + 1 + 5);
    const needles = secrets.flatMap((path) => formsOfSecret(readFileSync(path)));
    const pem = all.filter((path) => path.endsWith('tls.key')).map((path) => readFileSync(path, 'utf8').split('\n')[1]);
    expect(pem).toHaveLength(7);
    needles.push(...pem.map((line) => Buffer.from(line ?? '')));
    expect(needles.every(({ length }) => length >= 32)).toBe(true);
    const sources = new Map(all.filter((path) => !isSecret(path)).map((path) => [path, readFileSync(path)]));
    sources.set('standard output', Buffer.from(first.stdout)).set('standard error', Buffer.from(first.stderr));
    expect(sourcesWith(needles, new Map([...sources, ...processes]))).toEqual([]);
  });

  it.concurrent('give the same model when sites dial the enclave themselves', async () => {
    const run = start('direct', ['--direct']);
    await run.phase(1, 'upload');
    const ports = [portOf(run, 'coordinator'), portOf(run, 'enclave')].sort();
    for (const site of SITES) expect(connectedPorts(run.programOf(site)).sort()).toEqual(ports);
    expect(await run.summary()).toMatchObject({ modelDigest: digestAfter(first, ROUNDS) });
  });

  it.concurrent(
    'give the same model when the coordinator loses its disk in the middle of every round',
    async () => {
      const run = start('lost');
      await run.phase(1, 'upload');
      loseCoordinator(run);
      await behindIntent(run, 2, () => {
        loseCoordinator(run);
      });
      await run.phase(3, 'commit');
      loseCoordinator(run);
      expect(await run.summary()).toMatchObject({ modelDigest: digestAfter(first, ROUNDS), passportVerified: true });
      const restarted = run.lines.filter(({ type, state }) => type === 'process' && state === 'restarted');
      expect(restarted.map(({ name }) => name)).toEqual(['coordinator', 'coordinator', 'coordinator']);
      // Nothing was tried again, let alone burned.
      expect(statementsOf(run).map(({ statement }) => statement.type)).toEqual([
        'genesis',
        ...[1, 2, 3, 4].flatMap(() => ['manifest', 'certificate', 'intent', 'release']),
      ]);
    },
    PATIENCE_MS,
  );
});

/**
 * Runs `disturb` when the enclave has sealed the result of `round` and waits for acknowledgements. It waits long enough
 * because one hospital, whose update is in, stands still; so that it does not acknowledge before, another one held back
 * its own update until then.
 */
async function behindIntent(run: SimulateRun, round: number, disturb: () => void): Promise<void> {
  const first = await run.line((line) => line['round'] === round && line['step'] === 'committed');
  const late = run.programOf(String(first['site']));
  process.kill(late, 'SIGSTOP');
  const arrived = await run.line((line) => line['round'] === round && line['step'] === 'update received');
  const silent = run.programOf(String(arrived['site']));
  process.kill(silent, 'SIGSTOP');
  process.kill(late, 'SIGCONT');
  await run.phase(round, 'acknowledge');
  disturb();
  process.kill(silent, 'SIGCONT');
}

/** Ends the coordinator without a word; what starts again in its place finds no store. */
function loseCoordinator(run: SimulateRun): void {
  const pid = run.processOf('coordinator');
  process.kill(pid, 'SIGSTOP');
  const stores = filesBelow(run.out).filter((file) => /coordinator\.sqlite[^/]*$/.test(file));
  expect(stores.length).toBeGreaterThan(0);
  for (const store of stores) rmSync(store);
  process.kill(pid, 'SIGKILL');
}

/** Of the model that a hospital received after `round`. */
function digestAfter(run: SimulateRun, round: number): string | false {
  const file = join(run.out, 'work', 'st-anne', 'received', receivedFileNames(round).model);
  const model = decodeModelFile(new Uint8Array(readFileSync(file)));
  return model.ok && toHex(model.value.digest);
}

function portOf(run: SimulateRun, party: string): number {
  const config = readFileSync(join(run.out, 'work', party, `${party}.yaml`), 'utf8');
  return Number(/^listen:\n {2}host: .*\n {2}port: (\d+)$/m.exec(config)?.[1]);
}
