import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { FaultProxy } from '../../../cli/faults/fault-proxy.ts';
import { clientOf } from '../../../lib/wire/client.ts';
import { connect } from '../../../lib/wire/connection.ts';
import type { ServerLimits } from '../../../lib/wire/limits.ts';
import { openChannel } from '../../../lib/wire/session-client.ts';
import { sessionService } from '../../../lib/wire/session-service.ts';
import { studyMethods } from '../../../lib/wire/study-codec.ts';
import { ALPHA, certificateOf, COORDINATOR, dial, eventually, serve } from './consortium.ts';
import { studyDesk } from './study-desk.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const echo = sessionService('relay', async (frames) => {
  for (let frame = await frames.next(); frame !== null; frame = await frames.next()) await frames.send(frame);
});

async function desk(limits: Partial<ServerLimits> = {}) {
  const server = await serve(COORDINATOR, [studyDesk(), echo], limits);
  ends.push(() => server.stop(0));
  const proxy = await FaultProxy.start({ target: { host: '127.0.0.1', port: server.port }, seed: 11 });
  ends.push(() => proxy.close());
  return { server, proxy };
}

describe('PROTOCOL §8 A10: one bit of the TLS stream is flipped', () => {
  it.each(['toServer', 'toClient'] as const)(
    '%s: the connection ends on both sides and is dialled again',
    async (way) => {
      const places = 3;
      const { proxy } = await desk({ maxConnectionsPerPeer: places });
      const tls = certificateOf('site', ALPHA);
      const connection = connect({ address: proxy.address, tls, serverName: 'localhost', expect: COORDINATOR });
      ends.push(() => {
        connection.close();
      });
      // More often than this peer has places: none of them is lost.
      for (let time = 1; time <= places + 2; time++) {
        expect(await connection.ready(10_000)).toMatchObject({ ok: true });
        const frames = openChannel(connection, ALPHA);
        await frames.send(Uint8Array.of(time));
        expect(await frames.next()).toEqual(Uint8Array.of(time));
        proxy.mangleNext('tamper', way);
        await frames.send(Uint8Array.of(0)).catch(() => undefined);
        await expect(frames.next()).rejects.toMatchObject({ refusals: [{ code: 'E-TRANSPORT' }] });
        expect(proxy.counts.mangled.tamper).toBe(time);
        expect(proxy.counts.connections).toBe(time);
      }
    },
  );

  it.each(['toServer', 'toClient'] as const)('%s: a peer that does not hang up keeps no place', async (way) => {
    const { server, proxy } = await desk({ maxConnectionsPerPeer: 1 });
    const tls = certificateOf('site', ALPHA);
    const line = connectTcp({ ...proxy.address, allowHalfOpen: true });
    ends.push(() => line.destroy());
    // Whatever becomes of the TLS above it, this peer does not hang up.
    const lasting = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => line.write(chunk, done),
    });
    line.on('data', (chunk: Buffer) => lasting.push(chunk));
    const [cert, key, ca] = [tls.certificate, tls.privateKey, tls.authority];
    const stubborn = connectTls({ socket: lasting, cert, key, ca, servername: 'localhost', ALPNProtocols: ['h2'] });
    stubborn.on('error', () => undefined);
    await once(stubborn, 'secureConnect');
    // The server's first frame: it has counted this connection.
    await once(stubborn, 'data');
    const other = dial(server, tls);
    ends.push(() => {
      other.close();
    });
    expect(await clientOf(other, studyMethods).getStatus({}, { deadlineMs: 500 })).toMatchObject({ ok: false });
    proxy.mangleNext('tamper', way);
    // The preface and an empty SETTINGS frame (RFC 9113 §3.4), which the server answers.
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    stubborn.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]));
    await eventually(() => proxy.counts.mangled.tamper === 1);
    expect(await other.ready(10_000)).toMatchObject({ ok: true });
    expect(line.writable).toBe(true);
  });
});
