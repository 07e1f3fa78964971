import { Client } from '@grpc/grpc-js';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { clientOptions, DEFAULT_CLIENT_LIMITS, type ClientLimits } from './limits.ts';
import type { PeerIdentity } from './peer-identity.ts';
import { clientCredentials } from './tls-client.ts';
import type { TlsMaterial } from './tls-material.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ConnectParts {
  readonly address: Address;
  readonly tls: TlsMaterial;
  /** DNS name that the server's certificate must hold, such as `localhost`; not an IP address (RFC 6066 §3). */
  readonly serverName: string;
  /** Whose certificate the server must show. */
  readonly expect: PeerIdentity;
  readonly limits?: Partial<ClientLimits>;
  /** Follow the `https_proxy` variables of the environment; otherwise they are ignored. */
  readonly useProxy?: boolean;
}

/** One lasting connection to one server; it dials when first used and again after every loss. */
export interface Connection {
  readonly grpc: Client;
  readonly limits: ClientLimits;
  /** Registers what ends a running call; gives back what unregisters it. */
  readonly track: (cancel: () => void) => () => void;
  /** Waits until the connection stands; a refusal when it does not within `timeoutMs`. */
  ready(timeoutMs: number): Promise<Result<void, Refusal>>;
  /** Ends the connection and every call on it. */
  close(): void;
}

export function connect({ address, tls, serverName, expect, limits, useProxy = false }: ConnectParts): Connection {
  const all: ClientLimits = { ...DEFAULT_CLIENT_LIMITS, ...limits };
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  const grpc = new Client(`dns:///${host}:${address.port}`, clientCredentials(tls, expect), {
    ...clientOptions(all),
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
    'grpc.enable_http_proxy': useProxy ? 1 : 0,
  });
  const running = new Set<() => void>();
  return {
    grpc,
    limits: all,
    track: (cancel) => {
      running.add(cancel);
      return () => running.delete(cancel);
    },
    ready: (timeoutMs) =>
      new Promise((resolve) => {
        grpc.waitForReady(Date.now() + timeoutMs, (error) => {
          resolve(error === undefined ? ok(undefined) : err(refusal('E-TRANSPORT', 'no connection in time')));
        });
      }),
    close: () => {
      grpc.close();
      // gRPC's own close waits for running calls.
      for (const cancel of running) cancel();
    },
  };
}
