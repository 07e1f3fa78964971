import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Presence } from '../../../coordinator/presence.ts';
import { organisationId } from '../../../lib/core/ids.ts';

const adler = organisationId('adler');
const GRACE_MS = 20_000;

describe('presence of hospitals', () => {
  const told: (readonly [string, boolean])[] = [];
  let presence: Presence;
  beforeEach(() => {
    vi.useFakeTimers();
    told.length = 0;
    const tell = async (organisation: string, connected: boolean): Promise<void> => {
      told.push([organisation, connected]);
    };
    presence = new Presence({ graceMs: GRACE_MS, tell });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('says nothing of a session that is open again before the grace is over', async () => {
    await presence.seen(adler);
    presence.lost(adler);
    expect(presence.isAway(adler)).toBe(true);
    vi.advanceTimersByTime(GRACE_MS - 1);
    await presence.seen(adler);
    vi.advanceTimersByTime(10 * GRACE_MS);
    expect(told).not.toContainEqual([adler, false]);
    expect(presence.isAway(adler)).toBe(false);
  });

  it('tells once that a hospital has gone, counted from the first loss', async () => {
    await presence.seen(adler);
    presence.lost(adler);
    vi.advanceTimersByTime(GRACE_MS / 2);
    presence.lost(adler);
    vi.advanceTimersByTime(GRACE_MS / 2);
    expect(told).toEqual([
      [adler, true],
      [adler, false],
    ]);
    vi.advanceTimersByTime(10 * GRACE_MS);
    expect(told).toHaveLength(2);
    expect(presence.isAway(adler)).toBe(false);
  });

  it('is not deceived by old sessions told again in order', async () => {
    for (let again = 0; again < 3; again++) {
      await presence.seen(adler);
      presence.lost(adler);
    }
    await presence.seen(adler);
    vi.advanceTimersByTime(10 * GRACE_MS);
    expect(told.every(([, connected]) => connected)).toBe(true);
  });
});
