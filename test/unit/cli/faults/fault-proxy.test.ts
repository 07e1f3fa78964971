import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FaultProxy } from '../../../../cli/faults/fault-proxy.ts';
import { MAX_HELD_BYTES } from '../../../../cli/faults/line.ts';

/** What a test left open ends with it. */
const leftOpen: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of leftOpen.splice(0).reverse()) await end();
});

/** A server on a free port; every connection is given to `serve`. */
async function serving(serve: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  leftOpen.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

const echo = (socket: Socket): void => {
  socket.pipe(socket);
};

async function proxyTo(port: number, seed = 1): Promise<FaultProxy> {
  const proxy = await FaultProxy.start({ target: { host: '127.0.0.1', port }, seed });
  leftOpen.push(() => proxy.close());
  return proxy;
}

/** A client of the proxy, with everything it has received and how it ended. */
class Caller {
  readonly socket: Socket;
  readonly ended: Promise<'end' | 'reset'>;
  #received = Buffer.alloc(0);

  constructor(proxy: FaultProxy) {
    this.socket = connect({ ...proxy.address, allowHalfOpen: true, noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    this.ended = new Promise((resolve) => {
      this.socket.once('end', () => {
        resolve('end');
      });
      this.socket.once('error', () => {
        resolve('reset');
      });
    });
    leftOpen.push(() => this.socket.destroy());
  }

  get received(): string {
    return this.#received.toString('latin1');
  }

  say(text: string | Uint8Array): this {
    this.socket.write(text);
    return this;
  }

  hears(text: string): Promise<void> {
    return vi.waitFor(
      () => {
        expect(this.received).toBe(text);
      },
      { timeout: 20_000, interval: 5 },
    );
  }
}

const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 5 });

/** Bytes without a pattern that a lost or moved piece could hide in. */
const noise = (length: number): Buffer => {
  let state = 12345;
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return state >>> 24;
    }),
  );
};

describe('a line without faults', () => {
  it('passes everything on, both ways, to the ends of both directions', async () => {
    const { port } = await serving(echo);
    const proxy = await proxyTo(port);
    const caller = new Caller(proxy);
    const sent = noise(3 << 20);
    caller.say(sent);
    caller.socket.end();
    expect(await caller.ended).toBe('end');
    expect(Buffer.from(caller.received, 'latin1').equals(sent)).toBe(true);
    expect(proxy.counts).toMatchObject({
      connections: 1,
      refused: 0,
      cut: 0,
      delayed: 0,
      forwarded: { toServer: sent.length, toClient: sent.length },
      mangled: { tamper: 0, duplicate: 0, reorder: 0 },
    });
    await eventually(() => {
      expect(proxy.heldBytes).toBe(0);
    });
  });

  it('keeps one direction when the other has ended', async () => {
    const { port } = await serving((socket) => {
      socket.resume().once('end', () => {
        socket.write('after ');
        setTimeout(() => socket.end('the end'), 50);
      });
    });
    const caller = new Caller(await proxyTo(port)).say('x');
    caller.socket.end();
    expect(await caller.ended).toBe('end');
    expect(caller.received).toBe('after the end');
  });

  it('resets a caller whose server cannot be reached', async () => {
    const { server, port } = await serving(echo);
    const proxy = await proxyTo(port);
    server.close();
    await once(server, 'close');
    expect(await new Caller(proxy).say('x').ended).toBe('reset');
    expect(proxy.counts).toMatchObject({ connections: 0, unreachable: 1 });
  });

  it('resets the other side when one side is reset', async () => {
    const { port } = await serving((socket) => {
      socket.once('data', () => {
        socket.resetAndDestroy();
      });
    });
    const proxy = await proxyTo(port);
    expect(await new Caller(proxy).say('x').ended).toBe('reset');
    expect(proxy.counts.cut).toBe(0);
  });
});

describe('back-pressure', () => {
  it('holds a bounded number of bytes for a server that does not read', async () => {
    const { port } = await serving((socket) => {
      socket.pause();
    });
    const proxy = await proxyTo(port);
    const caller = new Caller(proxy);
    const block = Buffer.alloc(1 << 20);
    for (let i = 0; i < 64; i++) caller.say(block);
    await eventually(() => {
      expect(proxy.heldBytes).toBeGreaterThanOrEqual(MAX_HELD_BYTES);
    });
    // The kernel holds some more on either side; the rest has to stay with the sender.
    const before = caller.socket.writableLength;
    expect(before).toBeGreaterThan(16 << 20);
    expect(proxy.heldBytes).toBeLessThan(2 * MAX_HELD_BYTES);
  });

  it('holds no more when the line is silent', async () => {
    const { port } = await serving(echo);
    const proxy = await proxyTo(port);
    const caller = new Caller(proxy);
    await caller.say('a').hears('a');
    proxy.change({ reach: 'silent' });
    for (let i = 0; i < 64; i++) caller.say(Buffer.alloc(1 << 20));
    await eventually(() => {
      expect(proxy.heldBytes).toBeGreaterThanOrEqual(MAX_HELD_BYTES);
    });
    expect(proxy.heldBytes).toBeLessThan(2 * MAX_HELD_BYTES);
    expect(proxy.counts.forwarded.toServer).toBe(1);
    // And lets go of it when the connection is cut, silent or not.
    proxy.cut();
    expect(await caller.ended).toBe('reset');
    expect(proxy.heldBytes).toBe(0);
    expect(proxy.counts.cut).toBe(1);
  });
});

describe('drop', () => {
  it('resets what stands, refuses what is new, and takes connections again afterwards', async () => {
    const { port } = await serving(echo);
    const proxy = await proxyTo(port);
    const before = new Caller(proxy);
    await before.say('a').hears('a');
    proxy.change({ reach: 'refused' });
    expect(await before.ended).toBe('reset');
    expect(await new Caller(proxy).ended).toBe('reset');
    expect(proxy.counts).toMatchObject({ connections: 1, refused: 2 });
    proxy.change({ reach: 'open' });
    await new Caller(proxy).say('b').hears('b');
    expect(proxy.counts).toMatchObject({ connections: 2, refused: 2 });
  });
});

describe('blackhole', () => {
  it('keeps connections, lets nothing through either way, and delivers what waited when it is over', async () => {
    const { port } = await serving(echo);
    const proxy = await proxyTo(port);
    const caller = new Caller(proxy);
    await caller.say('a').hears('a');
    proxy.change({ reach: 'silent' });
    caller.say('b');
    const late = new Caller(proxy).say('c');
    await once(late.socket, 'connect');
    // Another line to the same server answers: had these bytes travelled, they would have arrived as well.
    await new Caller(await proxyTo(port)).say('d').hears('d');
    expect(caller.received).toBe('a');
    expect(late.received).toBe('');
    expect(proxy.counts).toMatchObject({ connections: 1, forwarded: { toServer: 1, toClient: 1 } });
    proxy.change({ reach: 'open' });
    await caller.hears('ab');
    await late.hears('c');
  });
});

describe('blackhole, seen from the other side', () => {
  it.each(['end', 'reset'] as const)('%s: nobody learns of it before the line is back', async (how) => {
    let heard: string | null = null;
    const { port } = await serving((socket) => {
      socket.pipe(socket, { end: false });
      socket.once('end', () => (heard ??= 'end')).once('error', () => (heard ??= 'reset'));
    });
    const proxy = await proxyTo(port);
    const caller = new Caller(proxy);
    await caller.say('a').hears('a');
    proxy.change({ reach: 'silent' });
    if (how === 'end') caller.socket.end();
    else caller.socket.resetAndDestroy();
    await new Caller(await proxyTo(port)).say('b').hears('b');
    expect(heard).toBeNull();
    proxy.change({ reach: 'open' });
    await eventually(() => {
      expect(heard).toBe(how);
    });
  });
});

describe('delay', () => {
  it('holds back every chunk and keeps their order', async () => {
    const { port } = await serving(echo);
    const slow = await proxyTo(port);
    slow.change({ delayMs: 400, jitterMs: 300 });
    const delayed = new Caller(slow).say('first');
    const direct = new Caller(await proxyTo(port));
    await direct.say('second').hears('second');
    expect(delayed.received).toBe('');
    await delayed.hears('first');
    for (const letter of 'abcdef') {
      const { delayed: before } = slow.counts;
      delayed.say(letter);
      await eventually(() => {
        expect(slow.counts.delayed).toBeGreaterThan(before);
      });
    }
    await delayed.hears('firstabcdef');
    expect(slow.counts.delayed).toBeGreaterThanOrEqual(7);
  });
});

describe('throttle', () => {
  it('lets a connection have only so many bytes in a second', async () => {
    const { port } = await serving(echo);
    const proxy = await proxyTo(port);
    proxy.change({ bytesPerSecond: 100 });
    const slow = new Caller(proxy).say(Buffer.alloc(300));
    const fast = new Caller(await proxyTo(port)).say(Buffer.alloc(300));
    await fast.hears('\0'.repeat(300));
    expect(slow.received.length).toBeLessThan(300);
    proxy.change({ bytesPerSecond: null });
    await slow.hears('\0'.repeat(300));
  });
});

describe('cut', () => {
  it('resets after so many bytes, not before, and only once', async () => {
    const { port } = await serving(echo);
    const proxy = await proxyTo(port);
    proxy.cut({ afterBytes: 10 });
    const caller = new Caller(proxy);
    await caller.say('1234').hears('1234');
    caller.say('56');
    expect(await caller.ended).toBe('reset');
    expect(caller.received.length).toBeLessThanOrEqual(6);
    await new Caller(proxy).say('again').hears('again');
    expect(proxy.counts).toMatchObject({ connections: 2, cut: 1 });
  });
});

describe('what happens to one chunk', () => {
  const TEXT = 'the quick brown fox jumps over the lazy dog';

  async function through(mangling: 'tamper' | 'duplicate' | 'reorder', seed = 7): Promise<string> {
    const { port } = await serving(echo);
    const proxy = await proxyTo(port, seed);
    const caller = new Caller(proxy);
    await caller.say('.').hears('.');
    proxy.mangleNext(mangling);
    caller.say(TEXT);
    const length = 1 + TEXT.length * (mangling === 'duplicate' ? 2 : 1);
    await eventually(() => {
      expect(caller.received).toHaveLength(length);
    });
    const result = caller.received.slice(1);
    caller.say('!');
    await eventually(() => {
      expect(caller.received).toHaveLength(length + 1);
    });
    expect(caller.received.at(-1)).toBe('!');
    expect(proxy.counts.mangled).toEqual({ tamper: 0, duplicate: 0, reorder: 0, [mangling]: 1 });
    return result;
  }

  it('tamper flips exactly one bit, the same for the same seed', async () => {
    const altered = await through('tamper');
    const flipped = Array.from(altered, (letter, i) => letter.charCodeAt(0) ^ TEXT.charCodeAt(i));
    const bits = flipped.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    expect(bits).toBe(1);
    expect(await through('tamper')).toBe(altered);
    expect(await through('tamper', 8)).not.toBe(altered);
  });

  it('duplicate sends it twice', async () => {
    expect(await through('duplicate')).toBe(TEXT + TEXT);
  });

  it('reorder exchanges two parts of it', async () => {
    const moved = await through('reorder');
    expect(moved).not.toBe(TEXT);
    expect(Array.from(moved).sort()).toEqual(Array.from(TEXT).sort());
    expect((moved + moved).includes(TEXT)).toBe(true);
  });

  it('reorder waits for a chunk that has two parts', async () => {
    const { port } = await serving(echo);
    const proxy = await proxyTo(port);
    const caller = new Caller(proxy);
    proxy.mangleNext('reorder');
    await caller.say('x').hears('x');
    caller.say('ab');
    await caller.hears('xba');
  });

  it('can happen on the way back', async () => {
    const { port } = await serving((socket) => {
      socket.once('data', () => {
        socket.write('ab');
      });
    });
    const proxy = await proxyTo(port);
    proxy.mangleNext('reorder', 'toClient');
    await new Caller(proxy).say('xy').hears('ba');
  });
});
