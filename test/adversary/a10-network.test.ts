// PROTOCOL §8 A10: the network flips, drops, repeats, reorders, truncates and splices frames; slow-loris; giant lengths.
import { describe, expect, test } from 'vitest';
import { acceptSiteSession } from '../../lib/channel/accept-site-session.ts';
import { duplexPair, type Tap } from '../../lib/channel/duplex-pair.ts';
import { FRAGMENT_BYTES } from '../../lib/channel/message-fragments.ts';
import { openSiteSession } from '../../lib/channel/open-site-session.ts';
import type { AttestedSession } from '../../lib/channel/session.ts';
import { concatBytes } from '../../lib/core/bytes.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import { codeOf, handshake, meet, opened, SimulatedStudy, type Outcome } from '../unit/channel/simulated-session.ts';

type Way = 'toEnclave' | 'toSite';
interface Place {
  readonly way: Way;
  /** Frames of this direction before it. */
  readonly index: number;
  readonly name: string;
}

/** Every message of a handshake, in the order in which it is sent. */
const HANDSHAKE: Place[] = [
  { way: 'toEnclave', index: 0, name: 'Hello' },
  { way: 'toSite', index: 0, name: 'Offer' },
  { way: 'toEnclave', index: 1, name: 'Open' },
  { way: 'toSite', index: 1, name: 'evidence of the enclave' },
  { way: 'toEnclave', index: 2, name: 'evidence of the site' },
  { way: 'toEnclave', index: 3, name: 'confirm of the site' },
  { way: 'toSite', index: 2, name: 'confirm of the enclave' },
];
const ALTERED = ['E-CHANNEL-FRAME', 'E-MESSAGE-INVALID', 'E-CHANNEL-VERSION', 'E-CHANNEL-CONTRACT'];
/** What a side sees whose peer has given up. */
const GONE = ['E-CHANNEL-TRUNCATED', 'E-CHANNEL-TIMEOUT'];

/** Applies `attack` to one frame of one direction and leaves the others alone. */
function tapAt({ way, index }: Pick<Place, 'way' | 'index'>, attack: Tap): { toEnclave?: Tap; toSite?: Tap } {
  let seen = -1;
  return {
    [way]: (frame: Uint8Array) => {
      seen += 1;
      return seen === index ? attack(frame) : [frame];
    },
  };
}

/** First and last bytes, and a spread in between. */
function samplesOf(length: number): number[] {
  const stride = Math.max(1, Math.floor(length / 7));
  const spread = Array.from({ length: Math.ceil(length / stride) }, (_, i) => i * stride);
  return [...new Set([0, 1, 2, 8, 9, ...spread, length - 17, length - 1])].filter((at) => at >= 0 && at < length);
}

const flip =
  (at: number, mask: number): Tap =>
  (frame) => {
    const altered = frame.slice();
    altered[at] = (altered[at] ?? 0) ^ mask;
    return [altered];
  };

async function codeAfter(session: AttestedSession): Promise<string> {
  try {
    const message = await session.next();
    return message === null ? 'clean end' : 'message';
  } catch (fault) {
    if (fault instanceof RefusalError) return fault.refusals[0].code;
    throw fault;
  }
}

/** Both refused; whoever opened a session before the altered frame arrived finds out at once. */
async function codesOf({ site, enclave }: Outcome): Promise<string[]> {
  const one = async (side: Outcome['site']): Promise<string> => (side.ok ? codeAfter(side.value) : codeOf(side));
  return Promise.all([one(site), one(enclave)]);
}

async function expectRefused(outcome: Outcome, wanted: readonly string[]): Promise<void> {
  expect(outcome.site.ok && outcome.enclave.ok).toBe(false);
  const codes = await codesOf(outcome);
  expect(
    codes.some((code) => wanted.includes(code)),
    codes.join(),
  ).toBe(true);
  expect([...wanted, ...GONE]).toEqual(expect.arrayContaining(codes));
}

describe('A10 handshake', () => {
  test.each(HANDSHAKE)('flipped bytes of $name open no session', async (place) => {
    let length = 0;
    await opened(new SimulatedStudy(), {
      taps: tapAt(place, (frame) => {
        length = frame.length;
        return [frame];
      }),
    });
    const samples = samplesOf(length);
    expect(samples.length).toBeGreaterThan(6);
    for (const at of samples) {
      for (const mask of [0x01, 0x80]) {
        const outcome = await handshake(new SimulatedStudy(), { taps: tapAt(place, flip(at, mask)) });
        await expectRefused(outcome, ALTERED);
      }
    }
  });

  test.each(HANDSHAKE)('$name dropped is a time-out', async (place) => {
    const outcome = await handshake(new SimulatedStudy(), { taps: tapAt(place, () => []) });
    expect(outcome.site.ok && outcome.enclave.ok).toBe(false);
    const codes = await codesOf(outcome);
    expect(
      ['E-CHANNEL-TIMEOUT', 'E-CHANNEL-FRAME'].some((code) => codes.includes(code)),
      codes.join(),
    ).toBe(true);
  });

  test.each(HANDSHAKE)('$name repeated is refused', async (place) => {
    const outcome = await handshake(new SimulatedStudy(), { taps: tapAt(place, (frame) => [frame, frame]) });
    const codes = await codesOf(outcome);
    const wanted = ['E-CHANNEL-FRAME', 'E-MESSAGE-INVALID', 'E-CHANNEL-SIZE'];
    expect(
      wanted.some((code) => codes.includes(code)),
      codes.join(),
    ).toBe(true);
    expect(codes).not.toContain('message');
  });

  test.each(HANDSHAKE)('$name cut short, made longer, or giant is refused', async (place) => {
    const attacks: Tap[] = [
      (frame) => [frame.subarray(0, frame.length - 1)],
      (frame) => [frame.subarray(0, 5)],
      () => [new Uint8Array()],
      (frame) => [concatBytes(frame, Uint8Array.of(0))],
      (frame) => [concatBytes(frame, new Uint8Array(2 << 20))],
      () => [Uint8Array.of(0x5b, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
      () => [new Uint8Array(1000).fill(0x9f)],
    ];
    for (const attack of attacks) {
      const outcome = await handshake(new SimulatedStudy(), { taps: tapAt(place, attack) });
      await expectRefused(outcome, [...ALTERED, 'E-CHANNEL-SIZE']);
    }
  });

  test('frames in another order are refused', async () => {
    let held: Uint8Array | null = null;
    let count = -1;
    const swap: Tap = (frame) => {
      count += 1;
      if (count === 2) {
        held = frame;
        return [];
      }
      if (held === null) return [frame];
      const both = [frame, held];
      held = null;
      return both;
    };
    const outcome = await handshake(new SimulatedStudy(), { taps: { toEnclave: swap } });
    await expectRefused(outcome, ['E-CHANNEL-FRAME']);
  });

  test.each(HANDSHAKE)('$name of another session, spliced in, is refused', async (place) => {
    const study = new SimulatedStudy();
    let foreign = new Uint8Array();
    await opened(study, {
      taps: tapAt(place, (frame) => {
        foreign = frame.slice();
        return [frame];
      }),
    });
    const outcome = await handshake(study, { taps: tapAt(place, () => [foreign]) });
    await expectRefused(outcome, ['E-CHANNEL-FRAME', 'E-MESSAGE-INVALID']);
  });

  test('a frame thrown back at its sender is refused', async () => {
    const pair = duplexPair({
      toSite: (frame) => [frame],
      toEnclave: (frame) => [frame],
    });
    const study = new SimulatedStudy();
    let sent = 0;
    const mirrored = {
      ...pair.site,
      next: async () => (sent > 2 ? lastSent : pair.site.next()),
      send: async (frame: Uint8Array) => {
        sent += 1;
        lastSent = frame;
        await pair.site.send(frame);
      },
    };
    let lastSent: Uint8Array = new Uint8Array();
    const opening = openSiteSession(study.siteOptions(mirrored));
    const accepting = acceptSiteSession(study.enclaveOptions(pair.enclave));
    const outcome = await meet(study, opening, accepting);
    expect(codeOf(outcome.site)).toBe('E-CHANNEL-FRAME');
  });

  test('a peer that says nothing, or drips, is given up within a minute', async () => {
    const study = new SimulatedStudy();
    const silent = duplexPair();
    const outcome = await meet(
      study,
      openSiteSession(study.siteOptions(silent.site)),
      acceptSiteSession(study.enclaveOptions(duplexPair().enclave)),
      35_000,
    );
    expect([codeOf(outcome.site), codeOf(outcome.enclave)]).toEqual(['E-CHANNEL-TIMEOUT', 'E-CHANNEL-TIMEOUT']);
    expect(await silent.site.next()).toBeNull();

    // Each message just in time for its step, the whole too slow.
    const slow = duplexPair();
    const late = {
      ...slow.site,
      next: async () => {
        await new Promise<void>((resolve) => {
          study.clock.after(25_000, resolve);
        });
        return slow.site.next();
      },
    };
    const dripping = await meet(
      study,
      openSiteSession(study.siteOptions(late)),
      acceptSiteSession(study.enclaveOptions(slow.enclave)),
      120_000,
    );
    // The enclave had finished its part in time; it hears that the site has not.
    expect(await codesOf(dripping)).toEqual(['E-CHANNEL-TIMEOUT', 'E-CHANNEL-TIMEOUT']);
  });
});

describe('A10 open session', () => {
  /** Opens a session whose frames to the enclave go through `attack` once it is open. */
  async function attacked(attack: Tap, study = new SimulatedStudy()) {
    const on = { now: false };
    const sessions = await opened(study, { taps: { toEnclave: (frame) => (on.now ? attack(frame) : [frame]) } });
    on.now = true;
    return { ...sessions, study };
  }
  const once = (attack: Tap): Tap => {
    let done = false;
    return (frame) => {
      if (done) return [frame];
      done = true;
      return attack(frame);
    };
  };
  const message = new Uint8Array(100).map((_, i) => i);

  test('every flipped byte of an application frame ends the session', async () => {
    const frameLength = message.length + 1 + 25;
    for (let at = 0; at < frameLength; at += 9) {
      const { site, enclave } = await attacked(flip(at, 0x10));
      await site.send(message);
      expect(await codeAfter(enclave), `byte ${at}`).toBe('E-CHANNEL-FRAME');
      expect(await codeAfter(site)).toBe('E-CHANNEL-FRAME');
    }
  });

  test.each<[string, Tap, string]>([
    ['a dropped frame', once(() => []), 'E-CHANNEL-FRAME'],
    ['a repeated frame', once((frame) => [frame, frame]), 'E-CHANNEL-FRAME'],
    ['a truncated frame', once((frame) => [frame.subarray(0, 30)]), 'E-CHANNEL-FRAME'],
    ['a lengthened frame', once((frame) => [concatBytes(frame, frame)]), 'E-CHANNEL-FRAME'],
    ['a giant frame', once((frame) => [concatBytes(frame, new Uint8Array(1 << 20))]), 'E-CHANNEL-SIZE'],
    ['a frame of noise', once(() => [crypto.getRandomValues(new Uint8Array(200))]), 'E-CHANNEL-FRAME'],
  ])('%s is noticed', async (_, attack, code) => {
    const { site, enclave } = await attacked(attack);
    for (let i = 0; i < 3; i++) await site.send(message).catch(() => undefined);
    const received: string[] = [];
    for (let i = 0; i < 3 && !received.some((seen) => seen.startsWith('E-')); i++)
      received.push(await codeAfter(enclave));
    expect(received.at(-1)).toBe(code);
    expect(received.filter((seen) => seen === 'message').length).toBeLessThan(3);
  });

  test('reordered frames are noticed', async () => {
    let held: Uint8Array | null = null;
    const { site, enclave } = await attacked((frame) => {
      if (held === null) {
        held = frame;
        return [];
      }
      return [frame, held];
    });
    await site.send(message);
    await site.send(message);
    expect(await codeAfter(enclave)).toBe('E-CHANNEL-FRAME');
  });

  test('a frame of another session is noticed', async () => {
    const study = new SimulatedStudy();
    let foreign: Uint8Array = new Uint8Array();
    const other = await attacked((frame) => {
      foreign = frame;
      return [frame];
    }, study);
    await other.site.send(message);
    const { site, enclave } = await attacked(() => [foreign], study);
    await site.send(message);
    expect(await codeAfter(enclave)).toBe('E-CHANNEL-FRAME');
  });

  test.each(['between messages', 'within a message'])(
    'a cut %s is a truncation, and no part is delivered',
    async (where) => {
      const study = new SimulatedStudy();
      let allowed = Number.POSITIVE_INFINITY;
      const pair = duplexPair({ toEnclave: (frame) => (allowed-- > 0 ? [frame] : []) });
      const { site, enclave } = await opened(study, { site: { duplex: pair.site }, enclave: { duplex: pair.enclave } });
      await site.send(message);
      allowed = 2;
      if (where === 'within a message') await site.send(new Uint8Array(3 * FRAGMENT_BYTES));
      pair.enclave.close('the cable');
      expect(await enclave.next()).toEqual(message);
      expect(await codeAfter(enclave)).toBe('E-CHANNEL-TRUNCATED');
      expect(await codeAfter(site)).toBe('E-CHANNEL-TRUNCATED');
    },
  );

  test('fragments that drip are given up', async () => {
    let frames = 0;
    const { site, enclave, study } = await attacked((frame) => {
      frames += 1;
      return frames === 1 ? [frame] : [];
    });
    await site.send(new Uint8Array(2 * FRAGMENT_BYTES));
    const reading = codeAfter(enclave);
    await study.clock.advance(61_000);
    expect(await reading).toBe('E-CHANNEL-TIMEOUT');
  });
});
