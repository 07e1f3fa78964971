import { describe, expect, it } from 'vitest';
import { parseKill, parseLatency, parseOutage, parseTamper } from '../../../../cli/faults/fault-request.ts';

describe('a fault as people type it', () => {
  it('outages name hospitals, a round and perhaps a time', () => {
    expect(parseOutage('drop', 'site-3@2')).toEqual({
      kind: 'drop',
      parties: ['site-3'],
      round: 2,
      phase: 'opening',
      seconds: null,
      asked: '--drop site-3@2',
    });
    expect(parseOutage('drop', 'va@12:0.5')).toMatchObject({ parties: ['va'], round: 12, seconds: 0.5 });
    expect(parseOutage('partition', 'a,b@3:10')).toMatchObject({
      kind: 'partition',
      parties: ['a', 'b'],
      round: 3,
      seconds: 10,
      asked: '--partition a,b@3:10',
    });
  });

  it('strikes name one party and a round', () => {
    expect(parseKill('enclave@5')).toEqual({
      kind: 'kill',
      parties: ['enclave'],
      round: 5,
      phase: 'upload',
      asked: '--kill enclave@5',
    });
    expect(parseKill('enclave@5/commit')).toMatchObject({
      round: 5,
      phase: 'commit',
      asked: '--kill enclave@5/commit',
    });
    expect(parseKill('a@1/acknowledge')).toMatchObject({ parties: ['a'], round: 1, phase: 'acknowledge' });
    expect(parseTamper('site-4@3')).toMatchObject({ kind: 'tamper', parties: ['site-4'], round: 3 });
  });

  it('latencies name a time, and perhaps a hospital and how much it varies', () => {
    expect(parseLatency('200ms')).toEqual({
      kind: 'latency',
      parties: [],
      delayMs: 200,
      jitterMs: 0,
      asked: '--latency 200ms',
    });
    expect(parseLatency('site-3:200ms±50ms')).toMatchObject({ parties: ['site-3'], delayMs: 200, jitterMs: 50 });
    expect(parseLatency('1.5s+-250ms')).toMatchObject({ parties: [], delayMs: 1500, jitterMs: 250 });
  });

  it.each(['', '@', 'a', 'a@', '@2', 'a@0', 'a@-1', 'a@1.5', 'a@x', 'a@2:', 'a@2:0', 'a@2:x', 'a@2:-1', 'a@2:99999'])(
    'nobody guesses what %o means',
    (text) => {
      expect(parseOutage('drop', text)).toMatch(/^must /);
      expect(parseOutage('partition', text)).toMatch(/^must /);
      expect(parseKill(text)).toMatch(/^must /);
    },
  );

  it.each(['a,b@2', 'a,@2', ',a@2'])('one hospital is dropped or killed at a time: %o', (text) => {
    expect(parseOutage('drop', text)).toMatch(/^must /);
    expect(parseKill(text)).toMatch(/^must /);
  });

  it.each(['a@2/', 'a@2/opening', 'a@2/commit/upload', 'a/commit@2', '/commit'])(
    'a kill has no phase of %o',
    (text) => {
      expect(parseKill(text)).toMatch(/^must /);
    },
  );

  it('what strikes once takes no time', () => {
    expect(parseTamper('a@2:3')).toMatch(/^must /);
  });

  it.each(['', '200', 'ms', '-1ms', '200m', '61s', '100ms±200ms', 'a:', 'a@200ms', '200ms±', '1e3ms', '200 ms'])(
    'a latency is not %o',
    (text) => {
      expect(parseLatency(text)).toMatch(/^must /);
    },
  );

  it.each(['a'.repeat(100_000), '@'.repeat(100_000), `${'9'.repeat(100_000)}ms`])(
    'long nonsense ends quickly',
    (text) => {
      for (const parse of [parseLatency, (long: string) => parseOutage('drop', long)])
        expect(parse(text)).toMatch(/^must /);
    },
  );
});
