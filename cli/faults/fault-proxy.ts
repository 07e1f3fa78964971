import { connect, createServer, type Server, type Socket } from 'node:net';
import { seededStream, type Seed, type SeededStream } from '../../lib/data/seeded-stream.ts';
import { CLEAR, type Direction, type LinkConditions, type LinkCounts, type Mangling } from './link-conditions.ts';
import { Line } from './line.ts';

const HOST = '127.0.0.1';
const MAX_CONNECTIONS = 256;

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Passage {
  readonly lines: readonly Line[];
  readonly reset: () => void;
}

/**
 * A bad line in front of a real program: it passes TCP on, knows nothing of TLS, and does at run time what networks do.
 * Jitter, flipped bits and places of exchange follow from the seed; when they happen depends on how bytes arrive.
 */
export class FaultProxy {
  readonly #target: Address;
  readonly #random: SeededStream;
  readonly #server: Server;
  readonly #passages = new Set<Passage>();
  readonly #waiting = new Set<Socket>();
  readonly #mangling: Record<Direction, Mangling[]> = { toServer: [], toClient: [] };
  #conditions: LinkConditions = CLEAR;
  #opened = Promise.withResolvers<undefined>();
  /** Bytes that may still pass before every connection is reset; null: no cut was asked for. */
  #bytesBeforeCut: number | null = null;
  #counts = { connections: 0, refused: 0, cut: 0, unreachable: 0, delayed: 0 };
  readonly #forwarded: Record<Direction, number> = { toServer: 0, toClient: 0 };
  readonly #mangled: Record<Mangling, number> = { tamper: 0, duplicate: 0, reorder: 0 };

  private constructor(target: Address, random: SeededStream) {
    this.#target = target;
    this.#random = random;
    // Half-open, so that either side may finish before the other; paused, so that nothing is read that nobody takes.
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
      this.#accept(client);
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Listens on a free port of this machine for connections to `target`. */
  static async start({ target, seed }: { readonly target: Address; readonly seed: Seed }): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, seededStream(seed, 'fault proxy'));
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    proxy.#server.once('error', reject);
    proxy.#server.listen({ host: HOST, port: 0 }, () => {
      resolve(undefined);
    });
    await promise;
    return proxy;
  }

  get address(): Address {
    const bound = this.#server.address();
    if (typeof bound !== 'object' || bound === null) throw new Error('the line is closed');
    return { host: HOST, port: bound.port };
  }

  get counts(): LinkCounts {
    return { ...this.#counts, forwarded: { ...this.#forwarded }, mangled: { ...this.#mangled } };
  }

  /** Bytes that wait in the proxy at this moment. */
  get heldBytes(): number {
    return [...this.#passages].flatMap(({ lines }) => lines).reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  }

  /** Holds from now on, for connections that stand too; what is not named stays as it was. */
  change(conditions: Partial<LinkConditions>): void {
    this.#conditions = { ...this.#conditions, ...conditions };
    const { reach } = this.#conditions;
    if (reach === 'refused') this.#counts.refused += this.#resetAll();
    if (reach !== 'silent') this.#open();
  }

  /** Once, to the next chunk that travels in `direction` on any connection; asked twice, to the next two. */
  mangleNext(mangling: Mangling, direction: Direction = 'toServer'): void {
    this.#mangling[direction].push(mangling);
  }

  /** Resets every connection after `afterBytes` more bytes, both ways together. */
  cut({ afterBytes = 0 }: { readonly afterBytes?: number } = {}): void {
    this.#bytesBeforeCut = afterBytes;
    this.#cutWhenDue();
  }

  /** Resets what stands and listens no more. */
  async close(): Promise<void> {
    this.#resetAll();
    this.#open();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #accept(client: Socket): void {
    // Every fault of a socket also ends the line that reads or writes it.
    client.on('error', () => undefined);
    if (this.#conditions.reach === 'refused') {
      this.#counts.refused += 1;
      client.resetAndDestroy();
      return;
    }
    this.#waiting.add(client);
    void this.#untilOpen().then(() => {
      this.#waiting.delete(client);
      if (!client.destroyed) this.#dial(client);
    });
  }

  #dial(client: Socket): void {
    const upstream = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const over = new AbortController();
    const { promise: broken, reject: fail } = Promise.withResolvers<never>();
    const reset = (): void => {
      over.abort();
      client.resetAndDestroy();
      upstream.resetAndDestroy();
      this.#passages.delete(passage);
      fail(new Error('reset'));
    };
    const lines = this.#lines({ client, upstream }, over.signal);
    const passage: Passage = { lines, reset };
    this.#passages.add(passage);
    let connected = false;
    upstream.once('connect', () => {
      connected = true;
      this.#counts.connections += 1;
    });
    upstream.on('error', () => {
      if (!connected && !over.signal.aborted) this.#counts.unreachable += 1;
    });
    Promise.race([broken, Promise.all(lines.map((line) => line.run()))]).then(
      () => {
        this.#passages.delete(passage);
      },
      () => this.#untilOpen().then(reset),
    );
  }

  #lines({ client, upstream }: Record<'client' | 'upstream', Socket>, signal: AbortSignal): Line[] {
    const line = (source: Socket, sink: Socket, direction: Direction): Line =>
      new Line({
        source,
        sink,
        signal,
        delayOfNext: () => this.#delay(),
        bytesPerSecond: () => this.#conditions.bytesPerSecond,
        mangle: (chunk) => this.#mangle(chunk, direction),
        untilOpen: () => this.#untilOpen(),
        onForwarded: (bytes) => {
          this.#forwarded[direction] += bytes;
          if (this.#bytesBeforeCut !== null) this.#bytesBeforeCut -= bytes;
          this.#cutWhenDue();
        },
      });
    return [line(client, upstream, 'toServer'), line(upstream, client, 'toClient')];
  }

  #delay(): number {
    const { delayMs, jitterMs } = this.#conditions;
    if (delayMs === 0 && jitterMs === 0) return 0;
    this.#counts.delayed += 1;
    return Math.max(0, delayMs + jitterMs * (2 * this.#random.uniform() - 1));
  }

  #mangle(chunk: Uint8Array, direction: Direction): readonly Uint8Array[] {
    const [mangling] = this.#mangling[direction];
    // One byte has no two parts: the next chunk will have them.
    if (mangling === undefined || (mangling === 'reorder' && chunk.length < 2)) return [chunk];
    this.#mangling[direction].shift();
    this.#mangled[mangling] += 1;
    switch (mangling) {
      case 'tamper': {
        const bit = this.#random.below(8 * chunk.length);
        const altered = Uint8Array.from(chunk);
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return [altered];
      }
      case 'duplicate':
        return [chunk, chunk];
      case 'reorder': {
        const at = 1 + this.#random.below(chunk.length - 1);
        return [chunk.subarray(at), chunk.subarray(0, at)];
      }
    }
  }

  #cutWhenDue(): void {
    if (this.#bytesBeforeCut === null || this.#bytesBeforeCut > 0) return;
    this.#bytesBeforeCut = null;
    this.#counts.cut += this.#resetAll();
  }

  /** How many connections were reset. */
  #resetAll(): number {
    const count = this.#passages.size + this.#waiting.size;
    for (const { reset } of this.#passages) reset();
    for (const client of this.#waiting) client.resetAndDestroy();
    return count;
  }

  #untilOpen(): Promise<unknown> {
    return this.#conditions.reach === 'silent' ? this.#opened.promise : Promise.resolve();
  }

  #open(): void {
    this.#opened.resolve(undefined);
    this.#opened = Promise.withResolvers();
  }
}
