import { execFile } from 'node:child_process';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { clientOf } from '../../../lib/wire/client.ts';
import { openChannel } from '../../../lib/wire/session-client.ts';
import { sessionService } from '../../../lib/wire/session-service.ts';
import { studyMethods } from '../../../lib/wire/study-codec.ts';
import {
  ALPHA,
  authority,
  BETA,
  certificateOf,
  COORDINATOR,
  dial,
  ENCLAVE,
  eventually,
  serve,
  type WatchedServer,
} from './consortium.ts';
import { studyDesk } from './study-desk.ts';

const running: WatchedServer[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of running.splice(0)) await server.stop(0);
});

async function started(...parts: Parameters<typeof serve>): Promise<WatchedServer> {
  const server = await serve(...parts);
  running.push(server);
  return server;
}

function tcp(port: number): { socket: Socket; closed: Promise<number> } {
  const socket = connectTcp({ host: '127.0.0.1', port });
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.resume();
  const since = Date.now();
  const closed = new Promise<number>((resolve) => {
    socket.on('close', () => {
      resolve(Date.now() - since);
    });
  });
  return { socket, closed };
}

function tls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { certificate: cert, privateKey: key } = certificateOf('site', ALPHA);
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connectTls(
      {
        host: '127.0.0.1',
        port,
        servername: 'localhost',
        ca: authority.certificate,
        cert,
        key,
        ALPNProtocols: ['h2'],
        ...options,
      },
      () => {
        resolve(socket);
      },
    );
    sockets.push(socket);
    socket.on('error', reject);
  });
}

const stillServes = async (server: WatchedServer): Promise<void> => {
  const connection = dial(server, certificateOf('site', BETA));
  expect(await clientOf(connection, studyMethods).getContract({})).toMatchObject({ ok: true });
  connection.close();
};

describe('a server under slow and hostile peers', () => {
  it('cuts off a handshake that does not finish', async () => {
    const server = await started(COORDINATOR, [studyDesk()], { handshakeTimeoutMs: 200 });
    const silent = tcp(server.port);
    const drop = tcp(server.port);
    // The beginning of a TLS record, byte by byte.
    const drip = setInterval(() => drop.socket.write(Buffer.of(22)), 20);
    const [waited] = await Promise.all([silent.closed, drop.closed]);
    clearInterval(drip);
    expect(waited).toBeLessThan(5000);
    await eventually(() => server.refused.length === 2);
    const codes = server.refused.map(({ code, detail }) => `${code} ${detail}`);
    expect(codes).toContain('E-TRANSPORT-CERTIFICATE ERR_TLS_HANDSHAKE_TIMEOUT');
    await stillServes(server);
  });

  it('bounds unfinished handshakes: one that takes too long gives way, and finished ones do not count', async () => {
    const server = await started(COORDINATOR, [studyDesk()], { maxHandshakes: 3, firstByteTimeoutMs: 60_000 });
    for (let i = 0; i < 6; i++) await stillServes(server);
    const held = [tcp(server.port), tcp(server.port), tcp(server.port)];
    // The first bytes of a ClientHello help nobody to stay.
    held[0]?.socket.write(Buffer.of(22, 3, 1, 2, 0, 1));
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(server.refused).toEqual([]);
    const newcomer = tcp(server.port);
    await held[0]?.closed;
    expect(server.refused).toMatchObject([{ code: 'E-TRANSPORT', detail: 'ECONNRESET' }]);
    expect([held[1], held[2], newcomer].map((one) => one?.socket.destroyed)).toEqual([false, false, false]);
    await stillServes(server);
  });

  it('bounds unfinished handshakes of one address', async () => {
    const server = await started(COORDINATOR, [studyDesk()], {
      maxHandshakesPerAddress: 2,
      firstByteTimeoutMs: 60_000,
    });
    const silent = [tcp(server.port), tcp(server.port)];
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await stillServes(server);
    expect(silent.map((one) => one.socket.destroyed)).toEqual([true, false]);
  });

  it('does not wait long for the first byte', async () => {
    const server = await started(COORDINATOR, [studyDesk()], { firstByteTimeoutMs: 100 });
    expect(await tcp(server.port).closed).toBeLessThan(2000);
    await stillServes(server);
  });

  it('closes a connection on which nothing is asked', async () => {
    const server = await started(COORDINATOR, [studyDesk()], { idleMs: 200 });
    const mute = await tls(server.port);
    mute.resume();
    const preface = connectHttp2('https://localhost', { createConnection: () => mute });
    preface.on('error', () => undefined);
    await new Promise((resolve) => preface.on('close', resolve));
    const silent = await tls(server.port);
    silent.resume();
    await new Promise((resolve) => silent.on('close', resolve));
    await stillServes(server);
  });

  it('refuses TLS without HTTP/2', async () => {
    const server = await started(COORDINATOR, [studyDesk()]);
    const socket = await tls(server.port, { ALPNProtocols: [] });
    socket.resume();
    await new Promise((resolve) => socket.on('close', resolve));
    expect(server.refused).toMatchObject([{ code: 'E-TRANSPORT', detail: 'the peer does not speak HTTP/2' }]);
  });

  it('survives any bytes inside TLS', async () => {
    const server = await started(COORDINATOR, [studyDesk()]);
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.boolean(), async (bytes, polite) => {
        const socket = await tls(server.port);
        socket.on('error', () => undefined);
        socket.resume();
        socket.end(polite ? Buffer.concat([preface, bytes]) : bytes);
        await new Promise((resolve) => setTimeout(resolve, 5));
        socket.destroy();
      }),
      { numRuns: 40 },
    );
    expect(server.faults).toEqual([]);
    await stillServes(server);
  });

  it('survives any bytes inside every method, and refuses them by name', async () => {
    const channel = sessionService('enclave', async (frames) => {
      for (let frame = await frames.next(); frame !== null; frame = await frames.next()) await frames.send(frame);
    });
    const server = await started(COORDINATOR, [studyDesk(), channel]);
    const connection = dial(server, certificateOf('site', ALPHA));
    const same = (bytes: Buffer): Buffer => bytes;
    const { submitApproval } = studyMethods;
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const answer = await new Promise<string>((resolve) => {
          connection.grpc.makeUnaryRequest(submitApproval.path, same, same, Buffer.from(bytes), (error) => {
            resolve(error?.details ?? 'OK');
          });
        });
        const good = submitApproval.request.decode(bytes).ok;
        expect(answer.startsWith(good ? 'OK' : 'E-MESSAGE-INVALID')).toBe(true);
        const stream = connection.grpc.makeBidiStreamRequest('/consilium.v1.SessionService/Channel', same, same);
        const ended = new Promise<void>((resolve) => {
          stream.on('error', () => undefined);
          stream.on('status', () => {
            resolve();
          });
        });
        stream.resume();
        stream.write(Buffer.from(bytes));
        stream.end();
        await ended;
      }),
      { numRuns: 60 },
    );
    connection.close();
    expect(server.faults).toEqual([]);
    await stillServes(server);
  });

  it('tells both ends when the line between them is cut', async () => {
    let seen: unknown;
    const server = await started(ENCLAVE, [
      sessionService('enclave', async (frames) => {
        await frames.send(Uint8Array.of(1));
        await frames.next().catch((thrown: unknown) => {
          seen = thrown;
        });
      }),
    ]);
    for (const manner of ['destroy', 'resetAndDestroy', 'end'] as const) {
      seen = undefined;
      const legs: Socket[] = [];
      const line = createTcpServer((near) => {
        const far = connectTcp({ host: '127.0.0.1', port: server.port });
        for (const leg of [near, far]) leg.on('error', () => undefined);
        near.pipe(far);
        far.pipe(near);
        legs.push(near, far);
      });
      await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve));
      const bound = line.address();
      const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
      const connection = dial({ ...server, port }, certificateOf('site', ALPHA));
      const frames = openChannel(connection, ALPHA);
      expect(await frames.next()).toEqual(Uint8Array.of(1));
      const broken = expect(frames.next()).rejects.toMatchObject({ refusals: [{ code: 'E-TRANSPORT' }] });
      for (const leg of legs) leg[manner]();
      await broken;
      await eventually(() => seen !== undefined);
      expect(seen).toMatchObject({ refusals: [{ code: 'E-TRANSPORT' }] });
      connection.close();
      line.close();
    }
    expect(server.faults).toEqual([]);
  });
});

describe('stopping a server', () => {
  it('lets running calls end within the grace and takes no new connection', async () => {
    let answer = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let reached = false;
    const server = await serve(COORDINATOR, [
      studyDesk({
        getContract: async () => {
          reached = true;
          await asked;
          return { ok: true, value: { contract: Uint8Array.of(1), approvals: [] } };
        },
      }),
    ]);
    const connection = dial(server, certificateOf('site', ALPHA));
    const call = clientOf(connection, studyMethods).getContract({});
    await eventually(() => reached);
    const stopped = server.stop(5000);
    const late = await tcp(server.port).closed;
    expect(late).toBeLessThan(1000);
    answer();
    expect(await call).toMatchObject({ ok: true });
    await stopped;
    connection.close();
  });

  it('cuts what does not end within the grace', async () => {
    const server = await serve(COORDINATOR, [studyDesk({ getStatus: () => new Promise(() => undefined) })]);
    const connection = dial(server, certificateOf('site', ALPHA));
    const call = clientOf(connection, studyMethods).getStatus({});
    await connection.ready(2000);
    const mute = await tls(server.port);
    mute.on('error', () => undefined);
    const since = Date.now();
    await server.stop(200);
    expect(Date.now() - since).toBeLessThan(3000);
    expect(await call).toMatchObject({ ok: false, error: { code: 'E-TRANSPORT' } });
    connection.close();
  });

  it('leaves nothing open: the process ends by itself', async () => {
    const script = fileURLToPath(new URL('serve-and-stop.ts', import.meta.url));
    // Killed at the timeout, which rejects.
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 15_000 });
    expect(stdout).toBe('running');
  });

  it('refuses to start on a port that is taken', async () => {
    const server = await started(COORDINATOR, [studyDesk()]);
    const { startServer } = await import('../../../lib/wire/serve.ts');
    const second = startServer({
      address: { host: '127.0.0.1', port: server.port },
      tls: certificateOf('coordinator', COORDINATOR.id),
      services: [],
      onRefused: () => undefined,
      onFault: () => undefined,
    });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
