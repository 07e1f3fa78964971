import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ServerLimits } from './limits.ts';

type Limits = Pick<ServerLimits, 'maxHandshakes' | 'maxHandshakesPerAddress' | 'firstByteTimeoutMs'>;

/** A genuine handshake is over by then: two round trips and some arithmetic. */
const STALE_MS = 1000;

interface Unfinished {
  readonly socket: Socket;
  /** As `performance.now()` tells it. */
  readonly since: number;
}

/**
 * TCP connections that have not finished the TLS handshake. They cost nothing to open and have shown no certificate, so
 * whoever opens many must not keep others out: a newcomer is never turned away, an older connection gives way, of the
 * same address or of the one that holds most. First the oldest of those that take too long. When none does, somebody
 * opens faster than that: then any of them, because every rule that a genuine client could count on, a flood could too,
 * and a client that tries again comes through.
 */
export class UnfinishedHandshakes {
  readonly #limits: Limits;
  /** By `address:port`, oldest first. */
  readonly #sockets = new Map<string, Unfinished>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  add(peer: string, socket: Socket): void {
    const ofAddress = [...this.#sockets.values()].filter((other) => addressOf(other) === socket.remoteAddress);
    if (ofAddress.length >= this.#limits.maxHandshakesPerAddress) this.#cut(choose(ofAddress));
    else if (this.#sockets.size >= this.#limits.maxHandshakes) this.#cut(choose(this.#ofBusiestAddress()));
    this.#sockets.set(peer, { socket, since: performance.now() });
    const silence = setTimeout(() => {
      if (socket.bytesRead === 0) this.#cut(this.#sockets.get(peer));
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
    for (const { socket } of this.#sockets.values()) socket.destroy();
  }

  #ofBusiestAddress(): Unfinished[] {
    const byAddress = Map.groupBy(this.#sockets.values(), addressOf);
    return [...byAddress.values()].reduce((most, some) => (some.length > most.length ? some : most), []);
  }

  #cut(unfinished: Unfinished | undefined): void {
    if (unfinished === undefined) return;
    this.#forget(unfinished.socket);
    unfinished.socket.destroy();
  }

  #forget(socket: Socket): void {
    for (const [peer, known] of this.#sockets) if (known.socket === socket) this.#sockets.delete(peer);
  }
}

const addressOf = ({ socket }: Unfinished): string | undefined => socket.remoteAddress;

/** Which of `all`, oldest first, gives way. */
function choose(all: readonly Unfinished[]): Unfinished | undefined {
  const [oldest] = all;
  if (oldest !== undefined && performance.now() - oldest.since > STALE_MS) return oldest;
  return all[randomInt(Math.max(1, all.length))];
}
