import fc from 'fast-check';
import { expect, test } from 'vitest';
import { utf8 } from '../../../lib/core/bytes.ts';
import { eachEvent } from '../../../lib/store/each-event.ts';
import type { EventStore } from '../../../lib/store/event-store.ts';
import type { Store } from '../../../lib/store/store.ts';

/** A fresh place to store things; `open` may be called many times, each call gives a handle on the same place. */
export interface Place {
  open(): Promise<Store>;
}

/** What every backend promises: one suite, run on each. */
export function conformance(makePlace: () => Place): void {
  const fresh = (): Promise<Store> => makePlace().open();

  test('a stream nobody wrote has version 0 and no events', async () => {
    const { events } = await fresh();
    expect(await events.read('nobody')).toEqual([]);
    expect(await events.append('nobody', 0, [])).toEqual({ ok: true, value: 0 });
    expect(await events.version('nobody')).toBe(0);
  });

  test('append gives the new version and read gives the events in order', async () => {
    const { events } = await fresh();
    expect(await events.append('s', 0, [utf8('a'), utf8('b')])).toEqual({ ok: true, value: 2 });
    expect(await events.append('s', 2, [utf8('c')])).toEqual({ ok: true, value: 3 });
    expect(await events.version('s')).toBe(3);
    expect(await events.read('s')).toEqual([utf8('a'), utf8('b'), utf8('c')]);
    expect(await events.read('s', 1)).toEqual([utf8('b'), utf8('c')]);
    expect(await events.read('s', 3)).toEqual([]);
    expect(await events.read('s', 9)).toEqual([]);
  });

  test('a page holds at most its limit, wherever it begins', async () => {
    const { events } = await fresh();
    await events.append('s', 0, ['a', 'b', 'c', 'd'].map(utf8));
    expect(await events.read('s', 0, 1)).toEqual([utf8('a')]);
    expect(await events.read('s', 1, 2)).toEqual([utf8('b'), utf8('c')]);
    expect(await events.read('s', 2, 9)).toEqual([utf8('c'), utf8('d')]);
    expect(await events.read('s', 4, 9)).toEqual([]);
  });

  test.each([0, 1, 255, 256, 257, 600])('page after page gives all %i events once and in order', async (count) => {
    const { events } = await fresh();
    const all = Array.from({ length: count }, (_, index) => utf8(String(index)));
    await events.append('s', 0, all);
    await events.append('another', 0, [utf8('x')]);
    const seen: Uint8Array[] = [];
    for await (const event of eachEvent(events, 's')) seen.push(event);
    expect(seen).toEqual(all);
  });

  test.each([0, -1, 1.5, Number.NaN])('the limit %d is a bug', async (limit) => {
    const { events } = await fresh();
    await expect(events.read('s', 0, limit)).rejects.toThrow(RangeError);
  });

  test('the keys of blobs are found by their beginning, letter by letter', async () => {
    const { blobs } = await fresh();
    const keys = ['a/1', 'a/2', 'A/3', 'a', 'b/a/1', 'a%1', 'a_/1', 'ä/1'];
    for (const key of keys) await blobs.put(key, utf8(key));
    const found = async (prefix: string): Promise<string[]> => [...(await blobs.keys(prefix))].sort();
    expect(await found('a/')).toEqual(['a/1', 'a/2']);
    expect(await found('a')).toEqual(['a', 'a%1', 'a/1', 'a/2', 'a_/1']);
    expect(await found('a%')).toEqual(['a%1']);
    expect(await found('a_')).toEqual(['a_/1']);
    expect(await found('ä')).toEqual(['ä/1']);
    expect(await found('nobody')).toEqual([]);
    await blobs.delete('a/1');
    expect(await found('a/')).toEqual(['a/2']);
  });

  test.each([0, 1, 3, 99])(
    'an append that expects version %i of a stream at 2 is refused and changes nothing',
    async (expected) => {
      const { events } = await fresh();
      await events.append('s', 0, [utf8('a'), utf8('b')]);
      const result = await events.append('s', expected, [utf8('x'), utf8('y')]);
      expect(result).toMatchObject({
        ok: false,
        error: { code: 'E-STORE-CONFLICT', got: 'version 2', want: `version ${expected}` },
      });
      expect(await events.read('s')).toEqual([utf8('a'), utf8('b')]);
    },
  );

  test('streams and blobs do not touch each other', async () => {
    const { events, blobs } = await fresh();
    await events.append('a', 0, [utf8('1')]);
    await events.append('A', 0, [utf8('2')]);
    await blobs.put('a', utf8('3'));
    expect(await events.read('a')).toEqual([utf8('1')]);
    expect(await events.read('A')).toEqual([utf8('2')]);
    expect(await blobs.get('a')).toEqual(utf8('3'));
  });

  test('a blob is replaced whole, deleted, and absent before and after', async () => {
    const { blobs } = await fresh();
    expect(await blobs.get('k')).toBeNull();
    await blobs.put('k', utf8('longer than the next'));
    await blobs.put('k', utf8('next'));
    expect(await blobs.get('k')).toEqual(utf8('next'));
    await blobs.delete('k');
    expect(await blobs.get('k')).toBeNull();
    await expect(blobs.delete('k')).resolves.toBeUndefined();
  });

  test('an empty event and an empty blob are values, not absences', async () => {
    const { events, blobs } = await fresh();
    await events.append('s', 0, [new Uint8Array(0)]);
    await blobs.put('k', new Uint8Array(0));
    expect(await events.read('s')).toEqual([new Uint8Array(0)]);
    expect(await blobs.get('k')).toEqual(new Uint8Array(0));
  });

  test('what is stored does not change with the caller’s arrays', async () => {
    const { events, blobs } = await fresh();
    const mine = Uint8Array.of(1, 2, 3);
    await events.append('s', 0, [mine]);
    await blobs.put('k', mine);
    mine.fill(9);
    (await events.read('s'))[0]?.fill(8);
    (await blobs.get('k'))?.fill(8);
    expect(await events.read('s')).toEqual([Uint8Array.of(1, 2, 3)]);
    expect(await blobs.get('k')).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('a view into a larger buffer stores only the view', async () => {
    const { events } = await fresh();
    await events.append('s', 0, [Uint8Array.of(1, 2, 3, 4).subarray(1, 3)]);
    expect(await events.read('s')).toEqual([Uint8Array.of(2, 3)]);
  });

  test.each(['', 'x'.repeat(201), 'a\0b', '\ud800'])('the name %j is a bug, not a stream', async (name) => {
    const { events, blobs } = await fresh();
    await expect(events.append(name, 0, [])).rejects.toThrow(RangeError);
    await expect(events.read(name)).rejects.toThrow(RangeError);
    await expect(events.version(name)).rejects.toThrow(RangeError);
    await expect(blobs.put(name, utf8('x'))).rejects.toThrow(RangeError);
    await expect(blobs.get(name)).rejects.toThrow(RangeError);
    await expect(blobs.keys(name)).rejects.toThrow(RangeError);
    await expect(blobs.delete(name)).rejects.toThrow(RangeError);
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53])('the version %d is a bug', async (version) => {
    const { events } = await fresh();
    await expect(events.append('s', version, [])).rejects.toThrow(RangeError);
    await expect(events.read('s', version)).rejects.toThrow(RangeError);
  });

  test('any history of appends reads back as written', async () => {
    const bytes = fc.uint8Array({ maxLength: 64 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(bytes, { maxLength: 4 }), { maxLength: 6 }), async (batches) => {
        const store = await fresh();
        const { events } = store;
        let version = 0;
        for (const batch of batches) {
          const result = await events.append('s', version, batch);
          version += batch.length;
          expect(result).toEqual({ ok: true, value: version });
        }
        const all = batches.flat();
        expect(await events.read('s')).toEqual(all);
        expect(await events.read('s', Math.floor(version / 2))).toEqual(all.slice(Math.floor(version / 2)));
        await store.close();
      }),
      { numRuns: 25 },
    );
  });

  test('of two handles that write at the same version exactly one wins, and both see it', async () => {
    const place = makePlace();
    const one = await place.open();
    const two = await place.open();
    const results = await Promise.all([
      one.events.append('s', 0, [utf8('one')]),
      two.events.append('s', 0, [utf8('two')]),
    ]);
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await one.events.read('s')).toEqual(await two.events.read('s'));
    expect(await one.events.read('s')).toHaveLength(1);
    await one.close();
    await two.close();
  });

  test('two handles that retry on conflict lose nothing and interleave without a gap', async () => {
    const place = makePlace();
    const handles = [await place.open(), await place.open()];
    await Promise.all(handles.map(({ events }, writer) => appendWithRetry(events, `${writer}`, 20)));
    const texts = (await (await place.open()).events.read('s')).map((event) => new TextDecoder().decode(event));
    expect(texts).toHaveLength(40);
    for (const writer of ['0', '1']) {
      const own = texts.filter((text) => text.startsWith(writer));
      expect(own).toEqual(Array.from({ length: 20 }, (_, index) => `${writer}-${index}`));
    }
  });

  test('everything is there after close and reopen, and a closed handle rejects', async () => {
    const place = makePlace();
    const before = await place.open();
    await before.events.append('s', 0, [utf8('kept')]);
    await before.blobs.put('k', utf8('kept'));
    await before.close();
    await expect(before.events.read('s')).rejects.toThrow();
    await expect(before.blobs.put('k', utf8('x'))).rejects.toThrow();
    await expect(before.close()).resolves.toBeUndefined();
    const after = await place.open();
    expect(await after.events.read('s')).toEqual([utf8('kept')]);
    expect(await after.blobs.get('k')).toEqual(utf8('kept'));
  });
}

/** Optimistic concurrency as the shells use it: load, decide, append, and start over on a conflict. */
async function appendWithRetry(events: EventStore, writer: string, times: number): Promise<void> {
  for (let index = 0; index < times;) {
    const version = (await events.read('s')).length;
    const result = await events.append('s', version, [utf8(`${writer}-${index}`)]);
    if (result.ok) index += 1;
  }
}
