import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { SealedContract } from '../lib/contract/study-contract.ts';
import { initialWeights } from '../lib/learning/initial-weights.ts';
import { layoutOf } from '../lib/learning/layout.ts';
import { modelDigest } from '../lib/learning/weights.ts';
import { openSqliteStore } from '../lib/store/sqlite.ts';
import type { Store } from '../lib/store/store.ts';
import { HOSPITALS, testContract } from '../test/support/test-contract.ts';
import { openAgent, openCoordinator, openEnclave, serveSite, studyEnds, type StudyPlace } from './state-study.ts';

const SITES = 3;
/** One hidden layer: 4 parameters for each unit, and one. */
const UNITS = 2048;
const PARTIES = ['enclave', 'coordinator', 'site'] as const;
type Party = (typeof PARTIES)[number];

/**
 * A study of `rounds` rounds (argument, 2000) in one process: the real enclave, coordinator and agents with real sessions
 * and SQLite files, training replaced by arithmetic. Every tenth of it memory, files, and the time that each program takes
 * to start from a copy of its files: none may grow by more than what the audit of a round needs.
 */
export async function benchState(): Promise<void> {
  const rounds = Number(process.argv[3] ?? 2000);
  const folder = mkdtempSync(join(tmpdir(), 'consilium-state-'));
  const sealed = contractOf(rounds);
  const place: StudyPlace = { sealed, output: join(folder, 'received') };
  try {
    process.stdout.write(heading(sealed));
    await play(place, folder, async (round) => {
      if (round % Math.max(1, Math.floor(rounds / 10)) === 0) process.stdout.write(await sample(place, folder, round));
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function contractOf(rounds: number): SealedContract {
  const layers = [
    { units: UNITS, activation: 'relu' as const },
    { units: 1, activation: 'sigmoid' as const },
  ];
  const spec = { kind: 'dense' as const, inputs: 2, layers, initial: { kind: 'zeros' as const } };
  const { digest: layoutDigest } = layoutOf(spec);
  const hour = 3_600_000;
  return testContract({
    rounds,
    model: { spec, layoutDigest, initialDigest: modelDigest(layoutDigest, initialWeights(spec)) },
    organisations: testContract().contract.organisations.filter(({ id }) => HOSPITALS.slice(0, SITES).includes(id)),
    kMin: 2,
    deadlines: { commitMs: hour, uploadMs: hour, acknowledgeMs: hour },
  });
}

/** Plays the study to its end; `after` is awaited before the next round, when every site has its model. */
async function play(place: StudyPlace, folder: string, after: (round: number) => Promise<void>): Promise<void> {
  const stores: Store[] = [];
  const open = async (name: string): Promise<Store> => {
    const opened = await openSqliteStore(join(folder, `${name}.sqlite`));
    if (!opened.ok) throw new Error(opened.error.code);
    stores.push(opened.value);
    return opened.value;
  };
  const stop = new AbortController();
  const enclave = await openEnclave(await open('enclave'));
  const coordinator = await openCoordinator(place, await open('coordinator'), { enclave, signal: stop.signal });
  const held = new Map<string, number>();
  let measured = Promise.resolve();
  const ids = place.sealed.contract.organisations.map(({ id }) => id);
  const serving = ids.map(async (id) => {
    const site = await openAgent(place, await open(id === ids[0] ? 'site' : id), {
      id,
      // A site that has this round's model waits until it was measured: the next round is not open before.
      onModel: async (round) => {
        held.set(id, round);
        if (ids.every((other) => held.get(other) === round)) measured = after(round);
        await measured;
      },
    });
    await serveSite(site, { enclave, coordinator, signal: stop.signal });
  });
  const running = coordinator.run();
  await Promise.race([studyEnds(coordinator), ...serving, running]);
  stop.abort();
  enclave.stop();
  await Promise.allSettled([...serving, running]);
  for (const store of stores) await store.close();
}

async function sample(place: StudyPlace, folder: string, round: number): Promise<string> {
  const heap = memory();
  const sizes = PARTIES.map((party) => kib(sizeOf(folder, `${party}.sqlite`)));
  const received = kib(
    readdirSync(place.output).reduce((sum, name) => sum + statSync(join(place.output, name)).size, 0),
  );
  const boots: string[] = [];
  for (const party of PARTIES) boots.push((await bootMs(place, folder, party)).toFixed(0));
  return line([String(round), heap, ...sizes, received, ...boots]);
}

/** Heap and array buffers after a collection, of all programs together, in MiB. */
function memory(): string {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return ((heapUsed + arrayBuffers) / (1 << 20)).toFixed(1);
}

/** Of the database and its log. */
const sizeOf = (folder: string, name: string): number =>
  ['', '-wal'].reduce(
    (sum, end) => sum + (statSync(join(folder, name + end), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );

/** From an open store to a program that has its state, on a copy of its files. */
async function bootMs(place: StudyPlace, folder: string, party: Party): Promise<number> {
  const copy = join(folder, 'copy.sqlite');
  for (const end of ['', '-wal']) {
    const from = join(folder, `${party}.sqlite${end}`);
    if (existsSync(from)) copyFileSync(from, copy + end);
  }
  const opened = await openSqliteStore(copy);
  if (!opened.ok) throw new Error(opened.error.code);
  const before = performance.now();
  const [id] = place.sealed.contract.organisations.map((organisation) => organisation.id);
  if (party === 'enclave') (await openEnclave(opened.value)).stop();
  else if (party === 'coordinator') await openCoordinator(place, opened.value, null);
  else if (id !== undefined) await openAgent(place, opened.value, { id, onModel: async () => undefined });
  const ms = performance.now() - before;
  await opened.value.close();
  for (const end of ['', '-wal', '-shm']) rmSync(copy + end, { force: true });
  return ms;
}

const kib = (bytes: number): string => (bytes / 1024).toFixed(0);
const line = (cells: readonly string[]): string => `${cells.map((cell) => cell.padStart(12)).join('')}\n`;

function heading({ contract }: SealedContract): string {
  const { length } = layoutOf(contract.model.spec);
  const bytes = kib(length * Float32Array.BYTES_PER_ELEMENT);
  return `${SITES} sites, ${length} parameters (${bytes} KiB); memory of all programs in MiB, files in KiB, starts in ms\n\n${line(
    ['round', 'memory', ...PARTIES, 'received', ...PARTIES.map((party) => party)],
  )}`;
}
