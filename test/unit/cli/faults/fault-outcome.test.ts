import { describe, expect, it } from 'vitest';
import type { FaultTrace } from '../../../../cli/faults/fault-director.ts';
import { faultRecord, faultsBehindAbsence } from '../../../../cli/faults/fault-outcome.ts';
import {
  parseKill,
  parseLatency,
  parseOutage,
  parseTamper,
  type FaultRequest,
} from '../../../../cli/faults/fault-request.ts';
import type { RoundRecord } from '../../../../cli/report/run-summary.ts';

const SITES = ['adler', 'birch', 'cedar'];
const NOTHING = { reset: 0, mangled: 0, dialled: 0 };

const released = (round: number, missing: readonly string[] = [], codes: readonly string[] = []): RoundRecord => ({
  round,
  attempt: codes.length + 1,
  aborted: codes.map((code, index) => ({ attempt: index + 1, code })),
  testLogLoss: 0.5,
  testAuc: null,
  ms: 100,
  participants: SITES.filter((site) => !missing.includes(site)),
  absent: missing.map((site) => ({ site, why: 'did not commit to the round' })),
});

function trace(request: FaultRequest | string, change: Partial<FaultTrace> = {}): FaultTrace {
  if (typeof request === 'string') throw new Error(request);
  const struck = { round: request.kind === 'latency' ? 0 : request.round, attempt: 1, phase: 'opening', atMs: 10 };
  return { fault: request, struck, lastedMs: null, overInRound: null, did: NOTHING, ...change };
}

const outcome = (of: FaultTrace, history: readonly RoundRecord[]): string => faultRecord(of, history).outcome;

describe('what came of a fault', () => {
  it('a round without the hospital, and when it was back', () => {
    const dropped = trace(parseOutage('drop', 'birch@2'), {
      lastedMs: 2400,
      overInRound: 2,
      did: { ...NOTHING, reset: 3 },
    });
    const history = [released(1), released(2, ['birch']), released(3, ['birch']), released(4)];
    expect(outcome(dropped, history)).toBe(
      'birch had no network for 2.4 s, 3 connections reset; round 2: released at attempt 1 without birch; birch took part again from round 4',
    );
    expect(outcome(dropped, history.slice(0, 3))).toMatch(/birch took part in no later round$/);
  });

  it('a round that was tried again, with everybody', () => {
    const killed = trace(parseKill('enclave@2'), { lastedMs: 350, overInRound: 2 });
    expect(outcome(killed, [released(1), released(2, [], ['E-ENCLAVE-RESTARTED']), released(3)])).toBe(
      'enclave was killed and started again after 350 ms; round 2: attempt 1 aborted (E-ENCLAVE-RESTARTED), released at attempt 2 with every hospital',
    );
  });

  it('a network that was gone over several rounds', () => {
    const parted = trace(parseOutage('partition', 'adler,birch@2:9'), { lastedMs: 9000, overInRound: 3 });
    expect(outcome(parted, [released(1), released(2, ['adler']), released(3, ['adler', 'birch']), released(4)])).toBe(
      'packets of adler and birch vanished for 9.0 s; round 2: released at attempt 1 without adler; round 3: released at attempt 1 without adler and birch; adler took part again from round 4; birch took part again from round 4',
    );
  });

  it('a bit, and a line that was dialled again', () => {
    const did = { reset: 0, mangled: 1, dialled: 1 };
    expect(outcome(trace(parseTamper('cedar@1'), { did }), [released(1), released(2, ['cedar'])])).toBe(
      'a bit was flipped in what was sent by cedar, which dialled again; round 1: released at attempt 1 with every hospital',
    );
    expect(outcome(trace(parseTamper('cedar@1')), [released(1)])).toMatch(/^nothing was sent by cedar/);
  });

  it('a slow line', () => {
    const slow = trace(parseLatency('cedar:1s'));
    expect(outcome(slow, [released(1)])).toBe('every connection of cedar was slowed each way; no round was retried');
    expect(outcome(slow, [released(1), released(2, [], ['E-COHORT-TOO-SMALL'])])).toMatch(/; retried: round 2$/);
  });

  it('nothing, where the study never came so far', () => {
    const never = trace(parseKill('enclave@3'), { struck: null });
    expect(outcome(never, [released(1)])).toBe('did not strike: the study never came to that point of round 3');
    expect(faultRecord(never, [])).toMatchObject({ asked: '--kill enclave@3', struck: null, lastedMs: null });
  });
});

describe('why a hospital was absent', () => {
  const behind = (of: FaultTrace, site: string, round: number, tookPart: readonly number[] = []): string[] =>
    faultsBehindAbsence([of], { site, round }, (earlier) => tookPart.includes(earlier));
  const dropped = trace(parseOutage('drop', 'birch@2:9'), { lastedMs: 9000, overInRound: 3 });

  it('is the fault while it lasts, for its own parties', () => {
    expect([1, 2, 3].map((round) => behind(dropped, 'birch', round))).toEqual([
      [],
      ['asked for with --drop birch@2:9'],
      ['asked for with --drop birch@2:9'],
    ]);
    expect(behind(dropped, 'adler', 2)).toEqual([]);
  });

  it('is the fault until the hospital has been back', () => {
    expect(behind(dropped, 'birch', 5)).toEqual(['not back yet from --drop birch@2:9']);
    expect(behind(dropped, 'birch', 5, [4])).toEqual([]);
  });

  it('may be a program that every hospital needs', () => {
    expect(behind(trace(parseKill('coordinator@2'), { overInRound: 2 }), 'adler', 2)).toHaveLength(1);
  });

  it('is no fault that did not strike, and no slow line', () => {
    expect(behind(trace(parseOutage('drop', 'birch@2'), { struck: null }), 'birch', 2)).toEqual([]);
    expect(behind(trace(parseLatency('birch:1s')), 'birch', 2)).toEqual([]);
  });
});
