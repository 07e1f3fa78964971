import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { writeEach } from '../../../lib/wire/write-each.ts';

const ITEMS = 100_000;
const MIB = 2 ** 20;

/** Behind a full collection. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

function parts(items: AsyncIterable<number>, signal: AbortSignal) {
  const written: number[] = [];
  const call = {
    write: (chunk: Buffer, done: (error?: Error | null) => void): boolean => {
      written.push(chunk.length);
      setImmediate(done);
      return true;
    },
  };
  return {
    written,
    all: {
      call,
      items,
      encode: (size: number) => Buffer.alloc(size),
      signal,
      stallMs: 60_000,
      onStall: () => undefined,
    },
  };
}

describe('a stream to somebody who watches for long', () => {
  it('keeps nothing of the items that it wrote', async () => {
    const { signal } = new AbortController();
    let grown = Number.POSITIVE_INFINITY;
    const call = {
      write: (_chunk: Buffer, done: (error?: Error | null) => void): boolean => {
        queueMicrotask(done);
        return true;
      },
    };
    async function* items(): AsyncGenerator<number> {
      const before = heapBytes();
      for (let item = 0; item < ITEMS; item++) yield 1;
      // Still open: what was kept for its whole life is still there.
      grown = heapBytes() - before;
    }
    const encode = (size: number): Buffer => Buffer.allocUnsafe(size);
    await writeEach({ call, items: items(), encode, signal, stallMs: 60_000, onStall: () => undefined });
    expect(grown).toBeLessThan(8 * MIB);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('ends at once when it is aborted, however long the next item takes', async () => {
    const stopping = new AbortController();
    async function* items(): AsyncGenerator<number> {
      yield 1;
      stopping.abort();
      await new Promise(() => undefined);
    }
    const { written, all } = parts(items(), stopping.signal);
    await writeEach(all);
    expect(written).toEqual([1]);
    expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
  });

  it('writes nothing for somebody who is gone already', async () => {
    async function* items(): AsyncGenerator<number> {
      yield await new Promise<number>(() => undefined);
    }
    const { written, all } = parts(items(), AbortSignal.abort());
    await writeEach(all);
    expect(written).toEqual([]);
  });

  it('passes on what the items throw', async () => {
    async function* items(): AsyncGenerator<number> {
      yield 1;
      throw new Error('broken');
    }
    await expect(writeEach(parts(items(), new AbortController().signal).all)).rejects.toThrow('broken');
  });
});
