import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instant, organisationId } from '../../../lib/core/ids.ts';
import { enclaveEvent, type EnclaveEvent } from '../../../lib/wire/control-codec.ts';
import { CountedLimit } from '../../../lib/wire/counted-limit.ts';
import { EventLog, type NoticeOf } from '../../../lib/wire/event-log.ts';
import { line } from '../../../lib/wire/field-shapes.ts';
import { plainLine } from '../../../lib/wire/plain-line.ts';
import { RateLimit } from '../../../lib/wire/rate-limit.ts';

const organisation = organisationId('alpha');
const refused = (detail: string): NoticeOf<EnclaveEvent> => ({
  kind: 'refused',
  organisation: null,
  code: 'E-MESSAGE-INVALID',
  detail,
});
const opened: NoticeOf<EnclaveEvent> = { kind: 'sessionOpened', organisation };

function logOf(substitute: NoticeOf<EnclaveEvent> | null) {
  const faults: unknown[] = [];
  const log = new EventLog<EnclaveEvent>({
    now: () => instant(5),
    codec: enclaveEvent,
    shelfOf: ({ kind }) => ({ name: kind, newest: kind === 'refused' ? 3 : Infinity }),
    substitute,
    onFault: (fault) => faults.push(fault),
  });
  return { log, faults };
}

async function take(log: EventLog<EnclaveEvent>, count: number, from = 0): Promise<EnclaveEvent[]> {
  const seen: EnclaveEvent[] = [];
  for await (const event of log.watch(from, new AbortController().signal)) {
    seen.push(event);
    if (seen.length === count) break;
  }
  return seen;
}

describe('the log of events', () => {
  it.each(['\u0007', 'a\nb', 'x'.repeat(1001)])('takes nothing that cannot be sent: %j', async (detail) => {
    const { log, faults } = logOf(refused('not told'));
    log.add(opened);
    log.add(refused(detail));
    log.add(opened);
    const events = await take(log, 3);
    expect(events.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
    expect(events[1]).toMatchObject({ kind: 'refused', detail: 'not told' });
    for (const event of events) enclaveEvent.encode(event);
    expect(faults).toHaveLength(1);
  });

  it('is not poisoned by half a character, short or long', async () => {
    const half = String.fromCharCode(0xd83d);
    const { log } = logOf(refused('not told'));
    for (const detail of [half, half.repeat(100), `${'x'.repeat(99)}${half}`]) log.add(refused(detail));
    for (const event of await take(log, 3)) expect(enclaveEvent.decode(enclaveEvent.encode(event)).ok).toBe(true);
  });

  it('leaves out what it has nothing to put in place of', async () => {
    const { log, faults } = logOf(null);
    log.add(refused('\u0007'));
    log.add(opened);
    expect(await take(log, 1)).toMatchObject([{ sequence: 0, kind: 'sessionOpened' }]);
    expect(faults).toHaveLength(1);
  });

  it('forgets the oldest of a shelf and of no other', async () => {
    const { log } = logOf(null);
    for (let i = 0; i < 100; i++) {
      log.add(refused(String(i)));
      if (i % 10 === 0) log.add(opened);
    }
    const events = await take(log, 13);
    expect(events.filter(({ kind }) => kind === 'sessionOpened')).toHaveLength(10);
    expect(events.flatMap((event) => (event.kind === 'refused' ? [event.detail] : []))).toEqual(['97', '98', '99']);
    const late = await take(log, 3, events.at(-3)?.sequence ?? 0);
    expect(late.map(({ sequence }) => sequence)).toEqual(events.slice(-3).map(({ sequence }) => sequence));
  });

  it('leaves out nothing that happens while a watcher takes what was there, and nothing forgotten costs it', async () => {
    const { log } = logOf(null);
    for (let i = 0; i < 50_000; i++) log.add(refused(String(i)));
    log.add(opened);
    const seen: number[] = [];
    for await (const { sequence } of log.watch(0, new AbortController().signal)) {
      seen.push(sequence);
      if (seen.length <= 5) log.add(opened);
      if (seen.length === 9) break;
    }
    expect(seen).toEqual([49_997, 49_998, 49_999, 50_000, 50_001, 50_002, 50_003, 50_004, 50_005]);
  });

  it('waits for one who asks for what is yet to come', async () => {
    const { log } = logOf(null);
    const later = take(log, 1, 2);
    for (let i = 0; i < 3; i++) log.add(opened);
    expect((await later).map(({ sequence }) => sequence)).toEqual([2]);
  });

  it('feeds a watcher who waits, and lets go of one who leaves', async () => {
    const { log } = logOf(null);
    const leaving = new AbortController();
    const left = log.watch(0, leaving.signal).next();
    const waiting = take(log, 2);
    log.add(opened);
    log.add(opened);
    expect(await waiting).toHaveLength(2);
    expect((await left).done).toBe(false);
    leaving.abort();
  });
});

describe('a plain line', () => {
  it('always passes the check of the wire, whatever it is made of', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 50 }),
      fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 50 }).map((units) => String.fromCharCode(...units)),
    );
    fc.assert(
      fc.property(anything, fc.integer({ min: 1, max: 40 }), (text, maximum) => {
        const plain = plainLine(text, maximum);
        expect(line(maximum).safeParse(plain).success).toBe(true);
        expect(plainLine(plain, maximum)).toBe(plain);
      }),
    );
  });

  it('leaves ordinary text alone', () => {
    expect(plainLine('norm ≥ bound, 1 of 3 – «ä» 🔥', 100)).toBe('norm ≥ bound, 1 of 3 – «ä» 🔥');
  });
});

describe('rates', () => {
  it('pass what is agreed for each key, again as time goes on, and no more', () => {
    let now = 0;
    const limit = new RateLimit({ count: 10, windowMs: 10_000 }, () => now);
    const passed = (key: string, tries: number): number =>
      Array.from({ length: tries }, () => limit.take(key)).filter(Boolean).length;
    expect(passed('a', 100)).toBe(10);
    expect(passed('b', 4)).toBe(4);
    now += 999;
    expect(passed('a', 100)).toBe(0);
    now += 1;
    expect(passed('a', 100)).toBe(1);
    now += 3_600_000;
    expect(passed('a', 100)).toBe(10);
    // Many keys at once: those that are full again are forgotten, a spent one is not.
    for (let key = 0; key < 5000; key++) limit.take(`key ${key}`);
    expect(passed('a', 100)).toBe(0);
  });

  it('count what they hold back', () => {
    let now = 0;
    const limit = new CountedLimit({ count: 2, windowMs: 1000 }, () => now);
    expect([limit.take(), limit.take(), limit.take(), limit.take()]).toEqual([0, 0, null, null]);
    now += 500;
    expect([limit.take(), limit.take()]).toEqual([2, null]);
    now += 500;
    expect(limit.take()).toBe(1);
  });
});
