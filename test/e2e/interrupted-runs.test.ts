import { existsSync, readdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { filesBelow } from '../support/e2e-canaries.ts';
import { processesOf } from '../support/e2e-processes.ts';
import { workshop } from '../support/e2e-simulate.ts';

/** Six programs on two cores have this long to end in order. */
const QUICKLY_MS = 6_000;
const { simulate } = workshop();

describe('a run that is interrupted', () => {
  it('ends on Ctrl-C in the middle of a round: every process, within seconds, with whole stores', async () => {
    const run = simulate('ctrl-c', ['--keep']);
    await run.phase(1, 'upload');
    const pids = processesOf(run.out);
    const at = performance.now();
    run.signalGroup('SIGINT');
    expect(await run.ended).toMatchObject({ code: 130, signal: null });
    expect(performance.now() - at).toBeLessThan(QUICKLY_MS);
    expect(run.lines.at(-1)).toMatchObject({ type: 'error', code: 'E-INTERRUPTED', exit: 130 });
    expect(pids.length).toBeGreaterThanOrEqual(12);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(processesOf(run.out)).toEqual([]);
    const stores = filesBelow(run.out).filter((file) => file.endsWith('.sqlite'));
    expect(stores).toHaveLength(6);
    for (const store of stores) expect(faultsOf(store)).toBe('ok');
  });

  it('ends on SIGTERM while programs are still starting, and leaves nothing', async () => {
    const run = simulate('terminated', []);
    await run.line(({ type, name }) => type === 'process' && name === 'st-anne');
    const at = performance.now();
    process.kill(run.pid, 'SIGTERM');
    expect(await run.ended).toMatchObject({ code: 130, signal: null });
    expect(performance.now() - at).toBeLessThan(QUICKLY_MS);
    expect(processesOf(run.out)).toEqual([]);
    expect(existsSync(run.out) ? readdirSync(run.out) : []).toEqual([]);
  });

  it('leaves no process behind when the simulator itself is killed', async () => {
    const run = simulate('killed', []);
    await run.line(({ type, name }) => type === 'process' && name === 'st-anne');
    expect(processesOf(run.out).length).toBeGreaterThan(6);
    run.signalGroup('SIGKILL');
    await run.ended;
    await expect.poll(() => processesOf(run.out), { timeout: 2 * QUICKLY_MS }).toEqual([]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function faultsOf(store: string): unknown {
  const database = new DatabaseSync(store);
  try {
    return database.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
  } finally {
    database.close();
  }
}
