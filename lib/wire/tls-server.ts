import { constants } from 'node:crypto';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { refusal, type Refusal } from '../core/errors.ts';
import type { ServerLimits } from './limits.ts';
import { identityFromSubjectAltName, identityUri } from './peer-identity.ts';
import { endOnFault } from './tls-fault.ts';
import { TLS_1_3, type TlsMaterial } from './tls-material.ts';
import { UnfinishedHandshakes } from './unfinished-handshakes.ts';

interface ListenerParts {
  readonly tls: TlsMaterial;
  readonly limits: ServerLimits;
  /** Given every connection whose certificate was accepted. */
  readonly accept: (socket: TLSSocket) => void;
  /** Told of every connection that was turned down. */
  readonly onRefused: (refusal: Refusal) => void;
}

/** Listens for TLS 1.3 with client certificates, and knows its open sockets. */
export interface TlsListener {
  readonly listen: (address: { readonly host: string; readonly port: number }) => Promise<number>;
  /** Stops listening and turns down unfinished handshakes; sockets already accepted live on. */
  readonly close: () => void;
  /** Cuts the connection that `peer` (`address:port`) names. */
  readonly hangUp: (peer: string) => void;
  /** Resolves when the last accepted socket is gone. */
  readonly drained: () => Promise<void>;
  readonly destroyAll: () => void;
}

/**
 * Our own TLS server, because grpc-js' credentials also speak TLS 1.2 and know no handshake timeout. No session
 * tickets: every connection shows its certificate anew.
 */
export function createTlsListener({ tls, limits, accept, onRefused }: ListenerParts): TlsListener {
  const unfinished = new UnfinishedHandshakes(limits);
  const accepted = new Map<string, TLSSocket>();
  const perPeer = new Map<string, number>();
  const waiting: (() => void)[] = [];

  const tlsServer = createTlsServer({
    ...TLS_1_3,
    cert: tls.certificate,
    key: tls.privateKey,
    ca: tls.authority,
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: limits.handshakeTimeoutMs,
    ALPNProtocols: ['h2'],
    secureOptions: constants.SSL_OP_NO_TICKET,
  });

  // Counted before a byte of TLS is read: whoever has no certificate gets no further than here.
  const tcpServer = createTcpServer({ noDelay: true }, (socket) => {
    // Unread errors of a half-open socket would end the process.
    socket.on('error', () => undefined);
    unfinished.add(peerOf(socket), socket);
    tlsServer.emit('connection', socket);
  });

  tlsServer.on('tlsClientError', (error, socket) => {
    socket.destroy();
    const reason = reasonOf(error, socket);
    // Either side hung up: the peer, or we on one that was silent or in the way.
    onRefused(refusal(reason === 'ECONNRESET' ? 'E-TRANSPORT' : 'E-TRANSPORT-CERTIFICATE', reason));
  });

  tlsServer.on('secureConnection', (socket) => {
    const peer = peerOf(socket);
    endOnFault(socket);
    unfinished.finished(peer);
    const identity = identityFromSubjectAltName(socket.getPeerCertificate().subjectaltname);
    const owner = identity === null ? '' : identityUri(identity);
    const count = perPeer.get(owner) ?? 0;
    const fault = faultOf(socket, count);
    if (fault !== null) {
      socket.destroy();
      onRefused(refusal('E-TRANSPORT', fault));
      return;
    }
    perPeer.set(owner, count + 1);
    accepted.set(peer, socket);
    socket.once('close', () => {
      accepted.delete(peer);
      const left = (perPeer.get(owner) ?? 1) - 1;
      if (left === 0) perPeer.delete(owner);
      else perPeer.set(owner, left);
      if (accepted.size === 0) for (const resume of waiting.splice(0)) resume();
    });
    accept(socket);
  });

  const faultOf = (socket: TLSSocket, ofThisPeer: number): string | null => {
    if (socket.alpnProtocol !== 'h2') return 'the peer does not speak HTTP/2';
    if (accepted.size >= limits.maxConnections) return 'too many connections';
    return ofThisPeer >= limits.maxConnectionsPerPeer ? 'too many connections of one peer' : null;
  };

  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        tcpServer.once('error', reject);
        tcpServer.listen({ host, port }, () => {
          tcpServer.off('error', reject);
          const bound = tcpServer.address();
          resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
        });
      }),
    close: () => {
      tcpServer.close();
      unfinished.destroyAll();
    },
    hangUp: (peer) => accepted.get(peer)?.destroy(),
    drained: () => (accepted.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    destroyAll: () => {
      for (const socket of accepted.values()) socket.destroy();
    },
  };
}

const peerOf = (socket: Socket): string => `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;

/** Codes only: OpenSSL's texts hold bytes of the peer's choosing. */
function reasonOf(error: Error, socket: TLSSocket): string {
  // Node keeps the certificate's fault on the socket and reports only that the socket hung up.
  const { authorizationError } = socket as { authorizationError?: unknown };
  if (typeof authorizationError === 'string') return authorizationError;
  return 'code' in error && typeof error.code === 'string' ? error.code : 'handshake failed';
}
