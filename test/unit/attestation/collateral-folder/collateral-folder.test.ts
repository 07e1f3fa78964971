import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { EMPTY_STATE, type CollateralState } from '../../../../lib/attestation/collateral/collateral-state.ts';
import {
  newestGeneration,
  readFolder,
  updateFolder,
} from '../../../../lib/attestation/collateral-folder/collateral-folder.ts';

const base = mkdtempSync(join(tmpdir(), 'consilium-collateral-'));
afterAll(() => {
  chmodSync(base, 0o700);
  rmSync(base, { recursive: true, force: true });
});
const PROGRAM = fileURLToPath(new URL('raise-mark.ts', import.meta.url));
const start = (folder: string, times: number): ChildProcess =>
  spawn(process.execPath, [PROGRAM, folder, String(times)], { stdio: ['ignore', 'pipe', 'inherit'] });
const at = (newestSignedMs: number): CollateralState => ({
  ...EMPTY_STATE,
  marks: { ...EMPTY_STATE.marks, newestSignedMs },
});
const store = (folder: string, state: CollateralState | null): void => {
  updateFolder(folder, () => ({ state, result: null }));
};

describe('a folder of collateral', () => {
  it('is empty at first, keeps the newest state and a few before it', () => {
    const folder = join(base, 'new', 'deep');
    for (let value = 1; value <= 9; value++) store(folder, at(value));
    store(folder, null);
    expect(readFolder(folder)).toEqual({ generation: 9, state: at(9) });
    expect(readdirSync(folder).sort()).toEqual(['state-7.cbor', 'state-8.cbor', 'state-9.cbor']);
    if (process.platform !== 'win32') expect(statSync(join(folder, 'state-9.cbor')).mode & 0o777).toBe(0o600);
  });

  it('takes the highest number, not the last in the alphabet, and passes over other files', () => {
    const folder = join(base, 'order');
    for (let value = 1; value <= 11; value++) store(folder, at(value));
    for (const name of ['state-99.cbor.bak', 'state-012.cbor', 'notes.txt']) writeFileSync(join(folder, name), 'x');
    expect(newestGeneration(folder)).toBe(11);
  });

  it('that is damaged is refused, and no older state is taken instead', () => {
    const folder = join(base, 'damaged');
    store(folder, at(1));
    writeFileSync(join(folder, 'state-2.cbor'), 'cut short');
    expect(() => readFolder(folder)).toThrow(/E-STORE-DAMAGED/);
    expect(() => {
      store(folder, at(3));
    }).toThrow(/E-STORE-DAMAGED/);
  });

  it('that is not there is refused when it is read', () => {
    expect(() => readFolder(join(base, 'nowhere'))).toThrow(/E-STORE-PATH.*nowhere/);
  });

  it('loses the drafts of killed programs after a day, not those of running ones', () => {
    const folder = join(base, 'drafts');
    store(folder, at(1));
    const old = join(folder, `draft-${'0'.repeat(16)}`);
    writeFileSync(old, '');
    utimesSync(old, 0, 0);
    writeFileSync(join(folder, `draft-${'1'.repeat(16)}`), '');
    store(folder, at(2));
    expect(readdirSync(folder).filter((name) => name.startsWith('draft'))).toEqual([`draft-${'1'.repeat(16)}`]);
  });

  it('takes no number that somebody else took meanwhile, and none that was cleared away', () => {
    const folder = join(base, 'asleep');
    store(folder, at(1));
    let calls = 0;
    updateFolder(folder, (state) => {
      calls += 1;
      // Asleep after reading, while five others store: number 2 is taken, and cleared away.
      if (calls === 1) for (let value = 2; value <= 6; value++) store(folder, at(value));
      return { state: at(state.marks.newestSignedMs + 100), result: null };
    });
    expect([calls, readFolder(folder)]).toEqual([2, { generation: 7, state: at(106) }]);
  });

  it('loses no change of programs that write at the same time', async () => {
    const folder = join(base, 'crowd');
    const programs = [start(folder, 15), start(folder, 15), start(folder, 15)];
    const exits = await Promise.all(programs.map(async (program) => (await once(program, 'exit'))[0] as number));
    expect(exits).toEqual([0, 0, 0]);
    // A program that slept after its link may make its change twice; it never loses one.
    const { generation, state } = readFolder(folder);
    expect(generation).toBeGreaterThanOrEqual(45);
    expect(state).toEqual(at(generation));
  });

  it('never goes back, whenever a program is killed', async () => {
    const folder = join(base, 'killed');
    for (const lines of [1, 6]) {
      const program = start(folder, 1e9);
      let said = '';
      let wanted = lines;
      program.stdout?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.split('\n').length > wanted) {
          wanted = Infinity;
          program.kill('SIGKILL');
        }
      });
      await once(program, 'close');
      const last = Number(said.trimEnd().split('\n').at(-1));
      const { marks } = readFolder(folder).state;
      expect(last).toBeGreaterThanOrEqual(lines);
      expect(marks.newestSignedMs).toBeGreaterThanOrEqual(last);
      store(folder, at(marks.newestSignedMs + 1));
    }
  });
});
