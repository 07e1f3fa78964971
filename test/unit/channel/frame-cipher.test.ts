import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FRAME_OVERHEAD_BYTES,
  FrameOpener,
  FrameSealer,
  MAX_FRAME_BYTES,
  MAX_FRAMES_PER_KEY,
  type FrameType,
} from '../../../lib/channel/frame-cipher.ts';
import { u64be } from '../../../lib/core/bytes.ts';
import { encodeCbor } from '../../../lib/core/cbor.ts';

const frameKey = {
  key: new Uint8Array(32).map((_, i) => i),
  sessionId: new Uint8Array(32).fill(5),
  direction: 'site',
} as const;
const TYPES: FrameType[] = ['evidence', 'confirm', 'application', 'challenge', 'refuse', 'final'];

function seal(sealer: FrameSealer, type: FrameType, plaintext: Uint8Array): Uint8Array {
  const sealed = sealer.seal(type, plaintext);
  if (!sealed.ok) throw new Error(sealed.error.code);
  return sealed.value;
}

describe('sealed frames (PROTOCOL §4.2)', () => {
  test('have the layout, nonce and additional data of the protocol', () => {
    const sealer = new FrameSealer(frameKey);
    seal(sealer, 'evidence', new Uint8Array());
    const frame = seal(sealer, 'application', Uint8Array.of(1, 2, 3));
    const cipher = createCipheriv('aes-256-gcm', frameKey.key, Buffer.from('000000000000000000000001', 'hex'));
    cipher.setAAD(encodeCbor({ sessionId: frameKey.sessionId, direction: 'site', sequence: 1, type: 'application' }));
    const body = Buffer.concat([cipher.update(Uint8Array.of(1, 2, 3)), cipher.final(), cipher.getAuthTag()]);
    expect(Buffer.from(frame)).toEqual(Buffer.concat([Uint8Array.of(3), u64be(1), body]));
    expect(frame).toHaveLength(3 + FRAME_OVERHEAD_BYTES);
  });

  test('open in order to what was sealed', () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(...TYPES), fc.uint8Array({ maxLength: 300 })), { maxLength: 20 });
    fc.assert(
      fc.property(frames, (sent) => {
        const [sealer, opener] = [new FrameSealer(frameKey), new FrameOpener(frameKey)];
        for (const [type, plaintext] of sent) {
          expect(opener.open(seal(sealer, type, plaintext))).toEqual({ ok: true, value: { type, plaintext } });
        }
      }),
    );
  });

  test('refuse every single flipped bit, and everything after it', () => {
    const frame = seal(new FrameSealer(frameKey), 'application', new Uint8Array(20).fill(9));
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const altered = frame.slice();
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const opener = new FrameOpener(frameKey);
      expect(opener.open(altered)).toMatchObject({ ok: false, error: { code: 'E-CHANNEL-FRAME' } });
      expect(opener.open(frame)).toMatchObject({ ok: false, error: { code: 'E-CHANNEL-FRAME' } });
    }
  });

  test.each([
    ['another key', { ...frameKey, key: new Uint8Array(32) }],
    ['another session', { ...frameKey, sessionId: new Uint8Array(32) }],
    ['the other direction', { ...frameKey, direction: 'enclave' as const }],
  ])('refuse %s', (_, other) => {
    const frame = seal(new FrameSealer(frameKey), 'final', new Uint8Array());
    expect(new FrameOpener(other).open(frame)).toMatchObject({ ok: false, error: { code: 'E-CHANNEL-FRAME' } });
  });

  test('refuse a repeat and a gap by number', () => {
    const sealer = new FrameSealer(frameKey);
    const [first, second] = [seal(sealer, 'final', new Uint8Array()), seal(sealer, 'final', new Uint8Array())];
    const opener = new FrameOpener(frameKey);
    expect(opener.open(first).ok).toBe(true);
    expect(opener.open(first)).toMatchObject({ ok: false, error: { got: '0', want: '1' } });
    expect(new FrameOpener(frameKey).open(second)).toMatchObject({ ok: false, error: { got: '1', want: '0' } });
  });

  test('have a largest size', () => {
    const largest = new Uint8Array(MAX_FRAME_BYTES - FRAME_OVERHEAD_BYTES);
    expect(seal(new FrameSealer(frameKey), 'application', largest)).toHaveLength(MAX_FRAME_BYTES);
    const tooLarge = { ok: false, error: { code: 'E-CHANNEL-SIZE' } };
    expect(new FrameSealer(frameKey).seal('application', new Uint8Array(largest.length + 1))).toMatchObject(tooLarge);
    expect(new FrameOpener(frameKey).open(new Uint8Array(MAX_FRAME_BYTES + 1))).toMatchObject(tooLarge);
  });

  test('end with the number of frames that one key may seal', () => {
    const few = { ...frameKey, maxFrames: 3 };
    const [sealer, opener] = [new FrameSealer(few), new FrameOpener(few)];
    for (let i = 0; i < few.maxFrames; i++) {
      expect(opener.open(seal(sealer, 'final', new Uint8Array())).ok).toBe(true);
    }
    expect(sealer.seal('final', new Uint8Array())).toMatchObject({ ok: false, error: { code: 'E-CHANNEL-EXPIRED' } });
    const further = seal(new FrameSealer(frameKey), 'final', new Uint8Array());
    expect(opener.open(further)).toMatchObject({ ok: false, error: { code: 'E-CHANNEL-EXPIRED' } });
    // RFC 8446 §5.5: 2^24.5 records of 2^14 bytes under one AES-GCM key.
    expect(MAX_FRAMES_PER_KEY * MAX_FRAME_BYTES).toBeLessThan(2 ** 38.5);
  });

  test('never throw on hostile bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(new FrameOpener(frameKey).open(bytes).ok).toBe(false);
      }),
    );
  });
});
