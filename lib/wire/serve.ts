import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Refusal } from '../core/errors.ts';
import type { Address } from './connection.ts';
import type { ServiceHost } from './call-context.ts';
import { DEFAULT_SERVER_LIMITS, serverOptions, type ServerLimits } from './limits.ts';
import type { WireService } from './service.ts';
import type { TlsMaterial } from './tls-material.ts';
import { createTlsListener } from './tls-server.ts';

export interface ServerParts {
  /** Port 0: any free one. */
  readonly address: Address;
  readonly tls: TlsMaterial;
  readonly services: readonly WireService[];
  readonly limits?: Partial<ServerLimits>;
  /** Told of refused connections and calls: for logs and metrics. */
  readonly onRefused: (refusal: Refusal) => void;
  /** Told of what a handler threw that is no refusal. */
  readonly onFault: (fault: unknown) => void;
}

export interface RunningServer {
  readonly port: number;
  /** Takes no new connection or call, gives running calls `graceMs`, then cuts them. Nothing stays open behind it. */
  stop(graceMs: number): Promise<void>;
}

/** A gRPC server on our own TLS listener (PROTOCOL §8 A16: TLS 1.3, certificates of this consortium only). */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { address, tls, services, onRefused, onFault } = parts;
  const limits: ServerLimits = { ...DEFAULT_SERVER_LIMITS, ...parts.limits };
  const server = new Server(serverOptions(limits));
  // "Insecure" to gRPC only: what it is given has passed our TLS listener.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = createTlsListener({
    tls,
    limits,
    onRefused,
    accept: (socket) => {
      injector.injectConnection(socket);
    },
  });
  const { stallMs, newChannels } = limits;
  const host: ServiceHost = { stallMs, newChannels, hangUp: listener.hangUp, onFault, onRefused };
  for (const { definition, implement } of services) server.addService(definition, implement(host));
  const port = await listener.listen(address);

  const stop = async (graceMs: number): Promise<void> => {
    listener.close();
    injector.drain(graceMs);
    const timer = setTimeout(listener.destroyAll, graceMs);
    await listener.drained();
    clearTimeout(timer);
    server.forceShutdown();
  };
  return { port, stop };
}
