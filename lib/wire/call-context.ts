import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { Refusal } from '../core/errors.ts';
import type { Rate } from './rate-limit.ts';
import { identityFromSubjectAltName, type PeerIdentity } from './peer-identity.ts';

/** What a handler knows about its caller. */
export interface CallContext {
  readonly peer: PeerIdentity;
  /** Aborted when the caller is gone or the call is over. */
  readonly signal: AbortSignal;
}

/** What a service needs of the server that hosts it. */
export interface ServiceHost {
  /** Sessions that one site may begin. */
  readonly newChannels: Rate;
  readonly stallMs: number;
  /** Cuts the connection that `peer` (`address:port`, as gRPC names it) uses. */
  readonly hangUp: (peer: string) => void;
  /** Told of what a handler threw that is no refusal: a bug or an I/O fault. The caller learns nothing of it. */
  readonly onFault: (fault: unknown) => void;
  /** Told of every refused call. */
  readonly onRefused: (refusal: Refusal) => void;
}

/** What the three kinds of incoming call have in common. */
type ServerCall = Pick<ServerUnaryCall<Buffer, Buffer>, 'getAuthContext' | 'cancelled'> & {
  on(event: 'cancelled', listener: () => void): unknown;
};

/** The identity in the certificate of the connection that carries the call; null when it has none. */
export function identityOfCall(call: ServerCall): PeerIdentity | null {
  try {
    return identityFromSubjectAltName(call.getAuthContext().sslPeerCertificate?.subjectaltname);
  } catch {
    // node throws when the connection died between the call's arrival and now: nobody is there to be served.
    return null;
  }
}

export function signalOfCall(call: ServerCall): AbortSignal {
  const controller = new AbortController();
  if (call.cancelled) controller.abort();
  call.on('cancelled', () => {
    controller.abort();
  });
  return controller.signal;
}
