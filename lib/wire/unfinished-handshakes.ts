import type { Socket } from 'node:net';
import type { ServerLimits } from './limits.ts';

type Limits = Pick<ServerLimits, 'maxHandshakes' | 'maxHandshakesPerAddress' | 'firstByteTimeoutMs'>;

/**
 * TCP connections that have not finished the TLS handshake. They cost nothing to open and have shown no certificate, so
 * whoever opens many must not keep others out: a newcomer is never turned away, an older connection gives way. First
 * those that have said nothing: a genuine client sends its ClientHello with the end of the TCP handshake. Then those of
 * the address that holds most.
 */
export class UnfinishedHandshakes {
  readonly #limits: Limits;
  /** By `address:port`, oldest first. */
  readonly #sockets = new Map<string, Socket>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  add(peer: string, socket: Socket): void {
    const ofAddress = [...this.#sockets.values()].filter((other) => addressOf(other) === addressOf(socket));
    if (ofAddress.length >= this.#limits.maxHandshakesPerAddress) this.#cut(choose(ofAddress));
    else if (this.#sockets.size >= this.#limits.maxHandshakes) this.#cut(choose(this.#ofBusiestAddress()));
    this.#sockets.set(peer, socket);
    const silence = setTimeout(() => {
      if (this.#sockets.get(peer) === socket && socket.bytesRead === 0) this.#cut(socket);
    }, this.#limits.firstByteTimeoutMs);
    silence.unref();
    socket.once('close', () => {
      clearTimeout(silence);
      this.#forget(socket);
    });
  }

  /** The handshake is over, well or badly. */
  finished(peer: string): void {
    this.#sockets.delete(peer);
  }

  destroyAll(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #ofBusiestAddress(): Socket[] {
    const byAddress = Map.groupBy(this.#sockets.values(), addressOf);
    return [...byAddress.values()].reduce((most, some) => (some.length > most.length ? some : most), []);
  }

  #cut(socket: Socket | undefined): void {
    if (socket === undefined) return;
    this.#forget(socket);
    socket.destroy();
  }

  #forget(socket: Socket): void {
    for (const [peer, known] of this.#sockets) if (known === socket) this.#sockets.delete(peer);
  }
}

const addressOf = (socket: Socket): string => socket.remoteAddress ?? '';

/** `sockets`: oldest first. */
const choose = (sockets: readonly Socket[]): Socket | undefined =>
  sockets.find(({ bytesRead }) => bytesRead === 0) ?? sockets[0];
