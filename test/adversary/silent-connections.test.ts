import { connect as connectTcp, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeRefusal, RefusalError } from '../../lib/core/errors.ts';
import { createHealth } from '../../lib/wire/health.ts';
import { openChannel } from '../../lib/wire/session-client.ts';
import { sessionService } from '../../lib/wire/session-service.ts';
import { relayService } from '../../lib/wire/relay.ts';
import {
  ALPHA,
  BETA,
  certificateOf,
  COORDINATOR,
  dial,
  ENCLAVE,
  serve,
  type WatchedServer,
} from '../unit/wire/consortium.ts';

describe('many connections that never say a word', () => {
  let server: WatchedServer;
  const sockets = new Set<Socket>();
  let over = false;

  /** Opened again as soon as it is closed, from the same address as every genuine client of this test. */
  const hold = (firstBytes: Uint8Array | null): void => {
    if (over) return;
    const attacked = server;
    const socket = connectTcp({ host: '127.0.0.1', port: server.port });
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.resume();
    if (firstBytes !== null) socket.write(firstBytes);
    socket.on('close', () => {
      sockets.delete(socket);
      setTimeout(() => {
        if (attacked === server) hold(firstBytes);
      }, 5);
    });
  };

  beforeEach(async () => {
    over = false;
    server = await serve(ENCLAVE, [createHealth().service]);
  });
  afterEach(async () => {
    over = true;
    for (const socket of sockets) socket.destroy();
    await server.stop(0);
  });

  // Opened again as fast as they are cut: a genuine client may have to try more than once.
  it.each([
    ['130 silent ones', 130, 0],
    ['130 with half a ClientHello', 0, 130],
    ['some of both', 200, 130],
  ])('%s keep nobody out', async (_name, silent, talking) => {
    for (let i = 0; i < silent; i++) hold(null);
    for (let i = 0; i < talking; i++) hold(Uint8Array.of(22, 3, 1, 2, 0, 1));
    await new Promise((resolve) => setTimeout(resolve, 1200));
    for (let genuine = 0; genuine < 3; genuine++) {
      const connection = dial(server, certificateOf('site', ALPHA));
      expect(await connection.ready(8000)).toEqual({ ok: true, value: undefined });
      connection.close();
    }
  });
});

describe('a member that begins session after session', () => {
  it('is told to come back later, by enclave and relay, and takes nobody else’s place', async () => {
    let served = 0;
    const enclave = await serve(ENCLAVE, [
      sessionService('enclave', async (frames) => {
        served += 1;
        const frame = await frames.next();
        if (frame !== null) await frames.send(frame);
      }),
    ]);
    const inner = dial(enclave, certificateOf('coordinator', COORDINATOR.id));
    const relay = await serve(COORDINATOR, [relayService(inner)], { newChannels: { count: 40, windowMs: 60_000 } });
    for (const server of [enclave, relay]) {
      served = 0;
      const flood = dial(server, certificateOf('site', ALPHA));
      const outcomes: string[] = [];
      for (let i = 0; i < 30; i++) {
        const frames = openChannel(flood, ALPHA);
        const outcome = frames.next().then(
          () => 'served',
          (fault: unknown) => (fault instanceof RefusalError ? describeRefusal(fault.refusals[0]) : 'fault'),
        );
        await frames.send(Uint8Array.of(1)).catch(() => undefined);
        outcomes.push(await outcome);
        frames.close();
      }
      // 10 at once, and one more for each second that the test took.
      expect(outcomes.filter((outcome) => outcome === 'served').length).toBeGreaterThanOrEqual(10);
      expect(served).toBeLessThan(20);
      expect(outcomes.at(-1)).toMatch(/^E-TRANSPORT: .*too many new sessions/);
      const other = dial(server, certificateOf('site', BETA));
      const frames = openChannel(other, BETA);
      await frames.send(Uint8Array.of(2));
      expect(await frames.next()).toEqual(Uint8Array.of(2));
      flood.close();
      other.close();
    }
    inner.close();
    await relay.stop(0);
    await enclave.stop(0);
  });
});
