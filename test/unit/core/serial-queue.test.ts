import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FailStopQueue, SerialQueue } from '../../../lib/core/serial-queue.ts';

describe('SerialQueue', () => {
  it('runs one task at a time, in the order given', async () => {
    const queue = new SerialQueue();
    const seen: string[] = [];
    const task = (name: string, turns: number) => async (): Promise<string> => {
      seen.push(`${name} starts`);
      for (let i = 0; i < turns; i++) await setImmediate();
      seen.push(`${name} ends`);
      return name;
    };
    const results = await Promise.all([queue.run(task('a', 3)), queue.run(task('b', 0)), queue.run(task('c', 1))]);
    expect(results).toEqual(['a', 'b', 'c']);
    expect(seen).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  it('rejects for a failed task alone and goes on', async () => {
    const queue = new SerialQueue();
    const failing = queue.run(() => Promise.reject(new Error('disk')));
    const next = queue.run(() => Promise.resolve(7));
    await expect(failing).rejects.toThrow('disk');
    await expect(next).resolves.toBe(7);
  });

  it('survives a task that throws before it is asynchronous', async () => {
    const queue = new SerialQueue();
    const failing = queue.run(() => {
      throw new Error('at once');
    });
    await expect(failing).rejects.toThrow('at once');
    await expect(queue.run(() => Promise.resolve('on'))).resolves.toBe('on');
  });
});

describe('FailStopQueue', () => {
  it('runs tasks in order until one fails, and none behind it', async () => {
    const told: unknown[] = [];
    const queue = new FailStopQueue((fault) => told.push(fault));
    const ran: number[] = [];
    const task = (n: number) => async (): Promise<number> => ran.push(n);
    const disk = new Error('disk');
    const first = queue.run(task(1));
    const failing = queue.run(() => Promise.reject(disk));
    const behind = queue.run(task(2));
    await expect(first).resolves.toBe(1);
    await expect(failing).rejects.toBe(disk);
    await expect(behind).rejects.toBe(disk);
    await expect(queue.run(task(3))).rejects.toBe(disk);
    expect(ran).toEqual([1]);
    expect(told).toEqual([disk]);
  });
});
