import { afterEach, describe, expect, it } from 'vitest';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import type { OrganisationId } from '../../../lib/core/ids.ts';
import type { Connection } from '../../../lib/wire/connection.ts';
import type { FrameStream } from '../../../lib/wire/frame-duplex.ts';
import type { ServerLimits } from '../../../lib/wire/limits.ts';
import { relayService } from '../../../lib/wire/relay.ts';
import { openChannel } from '../../../lib/wire/session-client.ts';
import { MAX_FRAME_BYTES } from '../../../lib/wire/session-codec.ts';
import { sessionService, type SessionHandler } from '../../../lib/wire/session-service.ts';
import {
  ALPHA,
  BETA,
  certificateOf,
  COORDINATOR,
  dial,
  ENCLAVE,
  eventually,
  serve,
  type WatchedServer,
} from './consortium.ts';

const open: (Connection | WatchedServer)[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) {
    if ('stop' in each) await each.stop(0);
    else each.close();
  }
});

interface Line {
  readonly frames: FrameStream;
  readonly site: Connection;
  readonly enclave: WatchedServer;
  readonly relay: WatchedServer | null;
  readonly another: (site: OrganisationId) => FrameStream;
}

/** A site's stream to an enclave that runs `handler`: dialled directly, or through a relaying coordinator. */
async function line(relayed: boolean, handler: SessionHandler, limits: Partial<ServerLimits> = {}): Promise<Line> {
  const enclave = await serve(ENCLAVE, [sessionService('enclave', handler)], limits);
  open.push(enclave);
  let dialled = enclave;
  if (relayed) {
    const inner = dial(enclave, certificateOf('coordinator', COORDINATOR.id));
    dialled = await serve(COORDINATOR, [relayService(inner)], limits);
    open.push(inner, dialled);
  }
  const connect = (id: OrganisationId): Connection => {
    const connection = dial(dialled, certificateOf('site', id));
    open.push(connection);
    return connection;
  };
  const site = connect(ALPHA);
  return {
    frames: openChannel(site, ALPHA),
    site,
    enclave,
    relay: relayed ? dialled : null,
    another: (id) => openChannel(connect(id), id),
  };
}

const echo: SessionHandler = async (frames) => {
  for (let frame = await frames.next(); frame !== null; frame = await frames.next()) await frames.send(frame);
};

/** Frames that differ from one another in every position, of sizes around the limits of HTTP/2 and of ours. */
const payload = (index: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + index * 17 + (i >> 8)) & 0xff);
const SIZES = [1, 16_379, 16_384, 65_535, 700_001, ...Array.from({ length: 5 }, () => MAX_FRAME_BYTES)];

describe.each([
  ['directly', false],
  ['through the relay', true],
])('frames %s', (_name, relayed) => {
  it('carry 5 MiB both ways at once, byte for byte', async () => {
    expect(SIZES.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(5 << 20);
    const { frames, enclave } = await line(relayed, echo);
    const sending = (async () => {
      for (const [index, size] of SIZES.entries()) await frames.send(payload(index, size));
    })();
    for (const [index, size] of SIZES.entries()) {
      const frame = await frames.next();
      expect(frame).not.toBeNull();
      expect(Buffer.compare(frame ?? new Uint8Array(), payload(index, size))).toBe(0);
      expect(Buffer.isBuffer(frame)).toBe(false);
    }
    await sending;
    frames.close();
    expect(await frames.next()).toBeNull();
    expect(enclave.faults).toEqual([]);
  });

  it('tell the handler whose they are', async () => {
    const seen: string[] = [];
    const { frames, another } = await line(relayed, async (stream, { site, peer }) => {
      seen.push(`${site} by ${peer.role}`);
      await stream.next();
    });
    const other = another(BETA);
    frames.close();
    other.close();
    await eventually(() => seen.length === 2);
    const role = relayed ? 'coordinator' : 'site';
    expect(seen.sort()).toEqual([`alpha by ${role}`, `beta by ${role}`]);
  });

  it('end cleanly from the site', async () => {
    let ended: Uint8Array | null | undefined;
    const { frames } = await line(relayed, async (stream) => {
      expect(await stream.next()).toEqual(Uint8Array.of(1));
      ended = await stream.next();
    });
    await frames.send(Uint8Array.of(1));
    frames.close();
    expect(await frames.next()).toBeNull();
    await eventually(() => ended === null);
    await expect(frames.send(Uint8Array.of(2))).rejects.toMatchObject({ refusals: [{ code: 'E-TRANSPORT' }] });
  });

  it('end cleanly from the enclave, after what it had sent', async () => {
    const { frames } = await line(relayed, async (stream) => {
      for (let i = 1; i <= 20; i++) await stream.send(Uint8Array.of(i));
    });
    const seen: number[] = [];
    for (let frame = await frames.next(); frame !== null; frame = await frames.next()) seen.push(...frame);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    await expect(frames.send(Uint8Array.of(2))).rejects.toMatchObject({ refusals: [{ code: 'E-TRANSPORT' }] });
  });

  it("carry the enclave's refusal to the site", async () => {
    const refused = refusal('E-CHANNEL-CONTRACT', 'digest', { got: '00', want: '01' });
    const { frames, enclave } = await line(relayed, async (stream) => {
      await stream.next();
      throw new RefusalError(refused);
    });
    await frames.send(Uint8Array.of(1));
    await expect(frames.next()).rejects.toMatchObject({ refusals: [refused] });
    await expect(frames.next()).rejects.toMatchObject({ refusals: [refused] });
    expect(enclave.refused).toEqual([refused]);
    expect(enclave.faults).toEqual([]);
  });

  it("carry the site's abort to the enclave", async () => {
    let seen: unknown;
    let aborted = false;
    const { frames } = await line(relayed, async (stream, { signal }) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      await stream.send(Uint8Array.of(1));
      await stream.next().catch((thrown: unknown) => {
        seen = thrown;
      });
    });
    await frames.next();
    frames.abort(refusal('E-ATTEST-STALE'));
    await expect(frames.next()).rejects.toMatchObject({ refusals: [{ code: 'E-ATTEST-STALE' }] });
    await eventually(() => seen !== undefined && aborted);
    expect(seen).toMatchObject({ refusals: [{ code: 'E-TRANSPORT' }] });
  });

  it('break off on both sides when the connection dies', async () => {
    let seen: unknown;
    const { frames, site } = await line(relayed, async (stream) => {
      await stream.send(Uint8Array.of(1));
      await stream.next().catch((thrown: unknown) => {
        seen = thrown;
      });
    });
    expect(await frames.next()).toEqual(Uint8Array.of(1));
    const broken = expect(frames.next()).rejects.toMatchObject({ refusals: [{ code: 'E-TRANSPORT' }] });
    site.close();
    await broken;
    await eventually(() => seen !== undefined);
    expect(seen).toMatchObject({ refusals: [{ code: 'E-TRANSPORT' }] });
  });

  it('break off at the site when the enclave dies', async () => {
    const { frames, enclave } = await line(relayed, echo);
    await frames.send(Uint8Array.of(1));
    expect(await frames.next()).toEqual(Uint8Array.of(1));
    const broken = expect(frames.next()).rejects.toMatchObject({ refusals: [{ code: 'E-TRANSPORT' }] });
    await enclave.stop(0);
    await broken;
    await expect(frames.send(Uint8Array.of(1))).rejects.toMatchObject({ refusals: [{ code: 'E-TRANSPORT' }] });
  });

  it('hold a fast writer to the pace of a slow reader', async () => {
    let read = 0;
    let go = (): void => undefined;
    const started = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { frames } = await line(relayed, async (stream) => {
      await started;
      for (let frame = await stream.next(); frame !== null; frame = await stream.next()) read++;
    });
    let sent = 0;
    const total = 70;
    const sending = (async () => {
      for (; sent < total; sent++) await frames.send(new Uint8Array(MAX_FRAME_BYTES));
      frames.close();
    })();
    let before = -1;
    while (sent !== before) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    // Each hop reads 16 messages ahead (grpc-js' object mode) beside the windows of HTTP/2; a relay has two hops.
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(relayed ? 60 : 30);
    go();
    await sending;
    await eventually(() => read === total);
  });

  it('cut off a reader that never reads', async () => {
    let seen: unknown;
    const { frames, enclave } = await line(
      relayed,
      async (stream) => {
        try {
          for (;;) await stream.send(new Uint8Array(MAX_FRAME_BYTES));
        } catch (thrown) {
          seen = thrown;
          throw thrown;
        }
      },
      { stallMs: 300 },
    );
    await eventually(() => seen !== undefined);
    expect(['E-CHANNEL-TIMEOUT', 'E-TRANSPORT']).toContain((seen as RefusalError).refusals[0].code);
    expect(enclave.faults).toEqual([]);
    frames.close();
  });
});

describe('a stream of frames', () => {
  it('refuses a frame above 1 MiB before sending and on arrival', async () => {
    const { frames, site, enclave } = await line(false, echo);
    await expect(frames.send(new Uint8Array(MAX_FRAME_BYTES + 1))).rejects.toBeInstanceOf(RangeError);
    await expect(frames.send(new Uint8Array(0))).rejects.toBeInstanceOf(RangeError);
    // A sender without our checks: the same call, written to by hand.
    const { Metadata } = await import('@grpc/grpc-js');
    const raw = site.grpc.makeBidiStreamRequest(
      '/consilium.v1.SessionService/Channel',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      new Metadata(),
    );
    const failure = new Promise<Error>((resolve) => raw.on('error', resolve));
    const { wireType } = await import('../../../lib/wire/load-proto.ts');
    raw.write(wireType('Frame').serialize({ payload: new Uint8Array(MAX_FRAME_BYTES + 1) }));
    raw.resume();
    expect(await failure).toMatchObject({ details: expect.stringContaining('E-MESSAGE-INVALID') as string });
    expect(enclave.refused).toMatchObject(
      [{ code: 'E-MESSAGE-INVALID', detail: /payload/ }].map(({ code }) => ({ code })),
    );
    expect(enclave.faults).toEqual([]);
  });

  it('allows one next() at a time', async () => {
    const { frames } = await line(false, echo);
    const first = frames.next();
    await expect(frames.next()).rejects.toThrow('while another');
    await frames.send(Uint8Array.of(5));
    expect(await first).toEqual(Uint8Array.of(5));
  });

  it('keeps a fault of the handler to the server', async () => {
    const fault = new Error('patient 4711');
    const { frames, enclave } = await line(false, async () => {
      throw fault;
    });
    await expect(frames.next()).rejects.toMatchObject({ refusals: [refusal('E-TRANSPORT', 'status INTERNAL')] });
    expect(enclave.faults).toEqual([fault]);
  });

  it('refuses a relay that does not say for whom', async () => {
    const enclave = await serve(ENCLAVE, [sessionService('enclave', echo)]);
    const connection = dial(enclave, certificateOf('coordinator', COORDINATOR.id));
    open.push(enclave, connection);
    const frames = openChannel(connection, 'Not An Organisation' as OrganisationId);
    await expect(frames.next()).rejects.toMatchObject({ refusals: [{ code: 'E-MESSAGE-INVALID' }] });
  });

  it('refuses relaying for anybody but sites', async () => {
    const { relay } = await line(true, echo);
    if (relay === null) throw new Error('no relay');
    const connection = dial(relay, certificateOf('coordinator', COORDINATOR.id));
    open.push(connection);
    await expect(openChannel(connection, ALPHA).next()).rejects.toMatchObject({
      refusals: [{ code: 'E-ORG-IDENTITY' }],
    });
  });

  it('tells the site when the relay finds no enclave', async () => {
    const { frames, enclave, another } = await line(true, echo);
    await frames.send(Uint8Array.of(1));
    await frames.next();
    await enclave.stop(0);
    await expect(another(BETA).next()).rejects.toMatchObject({ refusals: [{ code: 'E-TRANSPORT' }] });
  });
});
