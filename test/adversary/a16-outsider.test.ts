import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { instant, organisationId } from '../../lib/core/ids.ts';
import { createAuthority, issue } from '../../lib/wire/certificates.ts';
import { clientOf } from '../../lib/wire/client.ts';
import { connect } from '../../lib/wire/connection.ts';
import { startServer } from '../../lib/wire/serve.ts';
import { openChannel } from '../../lib/wire/session-client.ts';
import { sessionService } from '../../lib/wire/session-service.ts';
import { studyMethods } from '../../lib/wire/study-codec.ts';
import type { TlsMaterial } from '../../lib/wire/tls-material.ts';
import {
  ALPHA,
  authority,
  BETA,
  certificateOf,
  COORDINATOR,
  dial,
  ENCLAVE,
  eventually,
  LOOPBACK,
  MINUTE,
  newAuthority,
  serve,
  type WatchedServer,
} from '../unit/wire/consortium.ts';
import { studyDesk } from '../unit/wire/study-desk.ts';

const now = Date.now();
const DAY = 24 * 60 * MINUTE;
const good = certificateOf('site', ALPHA);

let server: WatchedServer;
let reached = 0;
beforeAll(async () => {
  const channel = sessionService('enclave', async (frames) => {
    reached++;
    for (let frame = await frames.next(); frame !== null; frame = await frames.next()) await frames.send(frame);
  });
  server = await serve(COORDINATOR, [studyDesk(), channel]);
});
afterAll(() => server.stop(0));
beforeEach(() => {
  server.refused.length = 0;
  reached = 0;
});

/** What an outsider's own TLS client got: bytes of HTTP/2, or nothing but the end. */
function knock(options: ConnectionOptions): Promise<{ served: boolean; error: string | null }> {
  return new Promise((resolve) => {
    let served = false;
    let error: string | null = null;
    const socket = connectTls({
      host: '127.0.0.1',
      port: server.port,
      servername: 'localhost',
      ca: authority.certificate,
      ALPNProtocols: ['h2'],
      ...options,
    });
    socket.on('data', () => {
      served = true;
      socket.destroy();
    });
    socket.on('error', (fault: Error & { code?: string }) => {
      error = fault.code ?? fault.message;
    });
    socket.on('close', () => {
      resolve({ served, error });
    });
  });
}

const shown = ({ certificate, privateKey }: TlsMaterial): ConnectionOptions => ({ cert: certificate, key: privateKey });

describe('A16: an outsider at the door', () => {
  it('lets a member of the consortium in (so that the refusals below mean something)', async () => {
    expect(await knock({ ...shown(good), minVersion: 'TLSv1.3' })).toEqual({ served: true, error: null });
    const connection = dial(server, good);
    expect(await clientOf(connection, studyMethods).getContract({})).toMatchObject({ ok: true });
    connection.close();
    expect(server.refused).toEqual([]);
  });

  const stranger = createAuthority({ name: 'another consortium', at: instant(now - MINUTE), days: 1 });
  const namesake = newAuthority();
  const valid = { role: 'site', id: ALPHA, addresses: LOOPBACK, at: instant(now - MINUTE), days: 1 } as const;
  const chained = issue(authority, valid);
  const attacks: readonly (readonly [string, ConnectionOptions, RegExp])[] = [
    ['TLS 1.2', { ...shown(good), minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }, /UNSUPPORTED_PROTOCOL/],
    ['no certificate', {}, /PEER_DID_NOT_RETURN_A_CERTIFICATE/],
    ['an expired certificate', shown(certificateOf('site', ALPHA, { at: instant(now - 3 * DAY) })), /CERT_HAS_EXPIRED/],
    [
      'a certificate of tomorrow',
      shown(certificateOf('site', ALPHA, { at: instant(now + DAY) })),
      /CERT_NOT_YET_VALID/,
    ],
    ['a certificate of another authority', shown(issue(stranger, valid)), /UNABLE_TO_(VERIFY|GET_ISSUER)/],
    ['a certificate of an authority of the same name', shown(issue(namesake, valid)), /UNABLE_TO_|SIGNATURE/],
    [
      'a certificate that a member issued',
      // A member's key signs for an authority that carries the member's name.
      shown(issue({ ...stranger, name: 'site alpha', certificate: chained.certificate }, valid)),
      /UNABLE_TO_|INVALID_CA|SIGNATURE/,
    ],
    [
      'an authority by itself',
      { cert: stranger.certificate, key: pem(stranger.privateKey) },
      /SELF_SIGNED|INVALID_PURPOSE/,
    ],
    ['HTTP/1.1', { ...shown(good), ALPNProtocols: ['http/1.1'] }, /NO_APPLICATION_PROTOCOL/],
  ];
  it.each(attacks)('refuses %s', async (_name, options, reason) => {
    expect(await knock(options)).toMatchObject({ served: false });
    await eventually(() => server.refused.length > 0);
    expect(server.refused).toHaveLength(1);
    expect(server.refused[0]).toMatchObject({ code: 'E-TRANSPORT-CERTIFICATE' });
    expect(server.refused[0]?.detail).toMatch(reason);
    expect(reached).toBe(0);
  });

  it('refuses HTTP/2 without TLS', async () => {
    const closed = new Promise<Buffer>((resolve) => {
      const seen: Buffer[] = [];
      const socket = connectTcp({ host: '127.0.0.1', port: server.port }, () => {
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
      });
      socket.on('data', (bytes) => seen.push(bytes));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        resolve(Buffer.concat(seen));
      });
    });
    // At most a TLS alert (content type 21), never HTTP/2.
    expect([21, undefined]).toContain((await closed)[0]);
    await eventually(() => server.refused.length > 0);
    expect(server.refused[0]).toMatchObject({ code: 'E-TRANSPORT-CERTIFICATE' });
  });

  it.each([
    ['expired', certificateOf('site', ALPHA, { at: instant(now - 3 * DAY) })],
    ['of another authority', { ...issue(stranger, valid), authority: authority.certificate }],
  ])('refuses the call of our own client with a certificate that is %s', async (_name, tls) => {
    const connection = dial(server, tls);
    const answer = await clientOf(connection, studyMethods).getContract({}, { deadlineMs: 3000 });
    connection.close();
    expect(answer.ok).toBe(false);
    if (!answer.ok) expect(['E-TRANSPORT', 'E-TRANSPORT-CERTIFICATE']).toContain(answer.error.code);
    expect(server.refused[0]).toMatchObject({ code: 'E-TRANSPORT-CERTIFICATE' });
  });
});

describe('A16: a member with the wrong certificate', () => {
  it("refuses another organisation's certificate for what Alpha alone may send", async () => {
    const connection = dial(server, certificateOf('site', BETA));
    const answer = await clientOf(connection, studyMethods).submitApproval({ approval: Uint8Array.of(1) });
    connection.close();
    expect(answer).toMatchObject({
      ok: false,
      error: { code: 'E-ORG-IDENTITY', got: 'consilium://site/beta', want: 'consilium://site/alpha' },
    });
  });

  it("refuses a session of Alpha under another organisation's certificate", async () => {
    const connection = dial(server, certificateOf('site', BETA));
    const frames = openChannel(connection, ALPHA);
    await expect(frames.next()).rejects.toMatchObject({ refusals: [{ code: 'E-ORG-IDENTITY' }] });
    connection.close();
    expect(reached).toBe(0);
  });

  it.each(['researcher', 'enclave'] as const)('refuses a session under the certificate of a %s', async (role) => {
    const connection = dial(server, certificateOf(role, ALPHA));
    await expect(openChannel(connection, ALPHA).next()).rejects.toMatchObject({
      refusals: [{ code: 'E-ORG-IDENTITY' }],
    });
    connection.close();
    expect(reached).toBe(0);
  });

  it('does not take a member for the coordinator', async () => {
    // Its own certificate serves for clients only; one that the authority issued to the enclave names the enclave.
    for (const impostor of [certificateOf('site', BETA), certificateOf('enclave', ENCLAVE.id)]) {
      const fake = await startServer({
        address: { host: '127.0.0.1', port: 0 },
        tls: impostor,
        services: [studyDesk()],
        onRefused: () => undefined,
        onFault: () => undefined,
      });
      const connection = connect({
        address: { host: '127.0.0.1', port: fake.port },
        tls: good,
        serverName: 'localhost',
        expect: COORDINATOR,
      });
      const answer = await clientOf(connection, studyMethods).getContract({}, { deadlineMs: 3000 });
      connection.close();
      await fake.stop(0);
      expect(answer).toMatchObject({ ok: false, error: { code: 'E-TRANSPORT-CERTIFICATE' } });
    }
  });

  it('does not speak TLS 1.2 to a server that offers nothing newer', async () => {
    const { createServer } = await import('node:tls');
    const { certificate: cert, privateKey: key } = certificateOf('coordinator', organisationId('hub'));
    const old = createServer({ cert, key, maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] }, (socket) => socket.destroy());
    old.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
    const bound = old.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const connection = dial({ ...server, port }, good);
    const answer = await clientOf(connection, studyMethods).getContract({}, { deadlineMs: 3000 });
    connection.close();
    old.close();
    expect(answer).toMatchObject({ ok: false, error: { code: 'E-TRANSPORT-CERTIFICATE' } });
  });
});

function pem(key: { export(options: { type: 'pkcs8'; format: 'pem' }): string | Buffer }): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
