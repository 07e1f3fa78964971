import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FaultDirector } from '../../../../cli/faults/fault-director.ts';
import {
  parseKill,
  parseLatency,
  parseOutage,
  parseTamper,
  type FaultRequest,
} from '../../../../cli/faults/fault-request.ts';
import { FaultyNetwork } from '../../../../cli/faults/faulty-network.ts';
import { instant, organisationId } from '../../../../lib/core/ids.ts';
import type { StudyEvent } from '../../../../lib/wire/study-codec.ts';

const fault = (request: FaultRequest | string): FaultRequest => {
  if (typeof request === 'string') throw new Error(request);
  return request;
};

const told = { sequence: 0, at: instant(0) };
const phase = (round: number, name: string, attempt = 1): StudyEvent => ({
  ...told,
  kind: 'roundPhase',
  round,
  attempt,
  phase: name,
});
const released = (round: number): StudyEvent => ({
  ...told,
  kind: 'roundReleased',
  round,
  attempt: 1,
});
const aborted = (round: number, attempt: number): StudyEvent => ({
  ...told,
  kind: 'roundAborted',
  round,
  attempt,
  code: 'E-COHORT-TOO-SMALL',
});
const finished: StudyEvent = { ...told, kind: 'studyFinished', outcome: 'finished', code: null };

/** A real echo server behind the real lines of two hospitals. */
let server: Server;
let network: FaultyNetwork;
let addresses: Map<string, { host: string; port: number }>;
const sockets = new Set<Socket>();
const killed: string[] = [];
const shown: string[] = [];

beforeEach(async () => {
  server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.pipe(socket);
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  killed.length = 0;
  shown.length = 0;
  await network.close();
  server.close();
});

async function directed(...faults: FaultRequest[]): Promise<FaultDirector> {
  const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  network = new FaultyNetwork({ faults, seedOf: () => 1 });
  addresses = new Map();
  for (const party of ['adler', 'birch']) addresses.set(party, await network.lay(party, target));
  let clock = 0;
  return new FaultDirector(faults, {
    network,
    kill: (party) => killed.push(party),
    elapsedMs: () => (clock += 1000),
    onStruck: ({ asked }, { round, phase: at }) => shown.push(`${asked} struck ${round} ${at}`),
    onOver: ({ asked }, { round, lastedMs }) => shown.push(`${asked} over ${round} ${lastedMs}`),
  });
}

/** What a party's line gives back for `sent`: just that (`x`), or something else. */
async function echoed(party: string, sent = 'x'): Promise<'x' | 'reset' | 'altered'> {
  const address = addresses.get(party);
  if (address === undefined) throw new Error(party);
  const socket = connect(address);
  sockets.add(socket);
  return new Promise((resolve) => {
    socket.once('error', () => {
      resolve('reset');
    });
    socket.once('data', (bytes) => {
      resolve(String(bytes) === sent ? 'x' : 'altered');
    });
    socket.write(sent);
  });
}

describe('an outage', () => {
  it('begins with its round and ends with the attempt, whichever way that ends', async () => {
    const director = await directed(fault(parseOutage('drop', 'adler@2')), fault(parseOutage('drop', 'birch@3')));
    director.start();
    director.see(phase(1, 'opening'));
    director.see(phase(1, 'commit'));
    director.see(released(1));
    expect([await echoed('adler'), await echoed('birch')]).toEqual(['x', 'x']);
    director.see(phase(2, 'opening'));
    expect([await echoed('adler'), await echoed('birch')]).toEqual(['reset', 'x']);
    director.see(released(2));
    expect(await echoed('adler')).toBe('x');
    director.see(phase(3, 'opening'));
    expect(await echoed('birch')).toBe('reset');
    director.see(aborted(3, 1));
    expect([await echoed('adler'), await echoed('birch')]).toEqual(['x', 'x']);
    director.see(phase(3, 'opening', 2));
    expect(await echoed('birch')).toBe('x');
    expect(director.traces).toMatchObject([
      { struck: { round: 2, attempt: 1, phase: 'opening', atMs: 1000 }, lastedMs: 1000, overInRound: 2 },
      { struck: { round: 3, attempt: 1, phase: 'opening', atMs: 3000 }, lastedMs: 1000, overInRound: 3 },
    ]);
    // The echoes that were answered before still stood when the line went, and one more was refused.
    expect(director.traces.map(({ did }) => did.reset)).toEqual([2, 3]);
  });

  it('ends after its time where one was asked for, not with the round', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const director = await directed(fault(parseOutage('drop', 'adler@1:5')));
      director.see(phase(1, 'opening'));
      director.see(released(1));
      director.see(phase(2, 'opening'));
      vi.advanceTimersByTime(4_999);
      expect(director.traces).toMatchObject([{ lastedMs: null }]);
      vi.advanceTimersByTime(1);
      expect(director.traces).toMatchObject([{ lastedMs: 1000, overInRound: 2 }]);
    } finally {
      vi.useRealTimers();
    }
    expect(await echoed('adler')).toBe('x');
  });

  it('of two that overlap the line is back when both are over', async () => {
    const director = await directed(
      fault(parseOutage('drop', 'adler@1:60')),
      fault(parseOutage('partition', 'adler,birch@2')),
    );
    director.see(phase(1, 'opening'));
    director.see(phase(2, 'opening'));
    director.see(released(2));
    expect([await echoed('adler'), await echoed('birch')]).toEqual(['reset', 'x']);
    director.end();
    expect(await echoed('adler')).toBe('x');
  });

  it('does not outlast the study', async () => {
    const director = await directed(fault(parseOutage('drop', 'adler@1:60')));
    director.see(phase(1, 'opening'));
    director.see(finished);
    expect(await echoed('adler')).toBe('x');
    expect(shown).toEqual(['--drop adler@1:60 struck 1 opening', '--drop adler@1:60 over 1 1000']);
  });

  it('strikes once, however often a coordinator tells its story', async () => {
    const director = await directed(fault(parseOutage('drop', 'adler@1')));
    for (let life = 0; life < 2; life++) {
      director.see(phase(1, 'opening'));
      director.see(aborted(1, 1));
      director.see(phase(1, 'opening', 2));
    }
    expect(shown).toHaveLength(2);
    expect(await echoed('adler')).toBe('x');
  });

  it('is not ended by the abort of an earlier attempt', async () => {
    const director = await directed(fault(parseOutage('drop', 'adler@1')));
    director.see(phase(1, 'opening', 2));
    director.see(aborted(1, 1));
    expect(await echoed('adler')).toBe('reset');
  });
});

describe('a kill', () => {
  it('waits until the cohort is locked, and is over when the program is started again', async () => {
    const director = await directed(fault(parseKill('enclave@2')));
    for (const event of [phase(1, 'upload'), phase(2, 'opening'), phase(2, 'commit')]) director.see(event);
    expect(killed).toEqual([]);
    director.restarted('enclave');
    director.see(phase(2, 'upload'));
    director.see(phase(2, 'acknowledge'));
    director.see(released(2));
    expect(killed).toEqual(['enclave']);
    expect(director.traces).toMatchObject([{ struck: { round: 2, phase: 'upload' }, lastedMs: null }]);
    director.restarted('coordinator');
    expect(director.traces).toMatchObject([{ lastedMs: null }]);
    director.restarted('enclave');
    expect(director.traces).toMatchObject([{ lastedMs: 1000, overInRound: 2 }]);
  });

  it.each([
    ['commit', ['commit']],
    ['upload', ['commit', 'upload']],
    ['acknowledge', ['commit', 'upload', 'acknowledge']],
  ] as const)('at %s strikes then and not before', async (wanted, phases) => {
    const director = await directed(fault(parseKill(`enclave@2/${wanted}`)));
    for (const name of ['opening', ...phases]) {
      expect(killed).toEqual([]);
      director.see(phase(2, name));
    }
    expect(killed).toEqual(['enclave']);
    expect(director.traces).toMatchObject([{ struck: { phase: wanted } }]);
  });

  it('that came too late for its round strikes in the next', async () => {
    const director = await directed(fault(parseKill('enclave@2/acknowledge')));
    director.see(phase(2, 'upload'));
    director.see(released(2));
    director.see(phase(3, 'opening'));
    expect(director.traces).toMatchObject([{ struck: { round: 3, phase: 'opening' } }]);
  });

  it('of a round that never came did not strike', async () => {
    const director = await directed(fault(parseKill('enclave@2')));
    director.see(phase(1, 'upload'));
    director.see(finished);
    expect(director.traces).toMatchObject([{ struck: null, lastedMs: null, did: { reset: 0 } }]);
    expect(killed).toEqual([]);
  });
});

describe('a tampering', () => {
  it('strikes the next chunk of its hospital, once', async () => {
    const director = await directed(fault(parseTamper('birch@1')));
    director.see(phase(1, 'opening'));
    expect([await echoed('adler'), await echoed('birch')]).toEqual(['x', 'altered']);
    expect([await echoed('adler'), await echoed('birch')]).toEqual(['x', 'x']);
    expect(director.traces).toMatchObject([{ lastedMs: null, did: { mangled: 1, dialled: 2, reset: 0 } }]);
  });
});

describe('what only programs ask for', () => {
  const place = { parties: ['adler'], round: 1, phase: 'opening' } as const;

  it('a slow line is slow for its time, and a later one as slow as the whole run', async () => {
    const speed = { delayMs: 30, jitterMs: 0, bytesPerSecond: null };
    const slow = { ...place, ...speed, kind: 'slow', seconds: 60, asked: 'slow' } as const;
    const director = await directed(fault(parseLatency('adler:1ms')), slow, { ...slow, phase: 'commit' });
    director.start();
    const delayed = (): number => network.counts('adler').reduce((sum, counts) => sum + counts.delayed, 0);
    expect(await echoed('adler')).toBe('x');
    expect(delayed()).toBe(2);
    director.see(phase(1, 'opening'));
    director.see(phase(1, 'commit'));
    director.end();
    expect(await echoed('adler')).toBe('x');
    expect(delayed()).toBe(4);
    expect(director.traces.map(({ lastedMs }) => lastedMs !== null)).toEqual([false, true, true]);
  });

  it('a cut resets what stands, after its bytes', async () => {
    const director = await directed({ ...place, kind: 'cut', afterBytes: 2, asked: 'cut' });
    expect(await echoed('adler')).toBe('x');
    director.see(phase(1, 'opening'));
    expect(director.traces).toMatchObject([{ did: { reset: 0 } }]);
    await echoed('adler');
    await vi.waitFor(() => {
      expect(director.traces).toMatchObject([{ did: { reset: 2 } }]);
    });
  });

  it.each(['duplicate', 'reorder'] as const)('%s strikes one chunk', async (kind) => {
    const director = await directed({ ...place, kind, asked: kind });
    director.see(phase(1, 'opening'));
    // A chunk of one byte has no two parts to exchange.
    await echoed('adler', 'xy');
    await echoed('adler', 'xy');
    expect(director.traces).toMatchObject([{ did: { mangled: 1 } }]);
  });
});

describe('a latency', () => {
  it('holds from the start to the end', async () => {
    const director = await directed(fault(parseLatency('adler:20ms±5ms')));
    director.start();
    expect(shown).toEqual(['--latency adler:20ms±5ms struck 0 start']);
    expect(await echoed('adler')).toBe('x');
    director.see(finished);
    director.end();
    expect(network.counts('adler')).toMatchObject([{ delayed: 2 }]);
    expect(shown).toHaveLength(1);
  });
});

describe('lines', () => {
  it('are laid for the parties of the faults only', async () => {
    const id = organisationId('adler');
    await directed(fault(parseKill('birch@1')), fault(parseTamper('adler@1')));
    const { port } = server.address() as AddressInfo;
    expect(addresses.get('birch')?.port).toBe(port);
    expect(addresses.get(id)?.port).not.toBe(port);
  });
});
