import { describe, expect, it } from 'vitest';
import {
  parseKill,
  parseLatency,
  parseOutage,
  parseTamper,
  type FaultRequest,
} from '../../../../cli/faults/fault-request.ts';
import { planFaults } from '../../../../cli/faults/plan-faults.ts';
import { RefusalError, type Refusal } from '../../../../lib/core/errors.ts';

const setting = { hospitals: ['harbour', 'lakeside', 'site-1'], rounds: 4 };

function asked(request: FaultRequest | string): FaultRequest {
  if (typeof request === 'string') throw new Error(request);
  return request;
}
const drop = (text: string): FaultRequest => asked(parseOutage('drop', text));
const kill = (text: string): FaultRequest => asked(parseKill(text));
const tamper = (text: string): FaultRequest => asked(parseTamper(text));
const latency = (text: string): FaultRequest => asked(parseLatency(text));

const partiesOf = (request: FaultRequest): readonly string[] | undefined => planFaults([request], setting)[0]?.parties;

function refusals(...requests: FaultRequest[]): readonly Refusal[] {
  try {
    planFaults(requests, setting);
  } catch (fault) {
    if (fault instanceof RefusalError) return fault.refusals;
  }
  throw new Error('nothing was refused');
}

describe('faults of a study', () => {
  it('hospitals are named by id or counted, and an id that looks like a number is an id', () => {
    expect(partiesOf(drop('lakeside@2'))).toEqual(['lakeside']);
    expect(partiesOf(drop('site-2@2'))).toEqual(['lakeside']);
    expect(partiesOf(drop('site-1@2'))).toEqual(['site-1']);
    expect(partiesOf(asked(parseOutage('partition', 'site-2,lakeside,harbour@1')))).toEqual(['lakeside', 'harbour']);
  });

  it('enclave and coordinator can be killed, and the line of the enclave can fail', () => {
    expect(partiesOf(kill('enclave@1'))).toEqual(['enclave']);
    expect(partiesOf(kill('coordinator@4'))).toEqual(['coordinator']);
    expect(partiesOf(tamper('enclave@1'))).toEqual(['enclave']);
    expect(refusals(drop('coordinator@1'))).toMatchObject([
      { code: 'E-USAGE', detail: expect.stringContaining('no line') as unknown },
    ]);
  });

  it('a latency of nobody is one of every hospital', () => {
    expect(partiesOf(latency('20ms'))).toEqual(setting.hospitals);
    expect(partiesOf(latency('site-2:20ms'))).toEqual(['lakeside']);
  });

  it('strike in the order of their rounds', () => {
    const planned = planFaults([kill('enclave@3'), drop('lakeside@1'), latency('1ms')], setting);
    expect(planned.map(({ asked: flag }) => flag)).toEqual(['--latency 1ms', '--drop lakeside@1', '--kill enclave@3']);
  });

  it('everything that is wrong is said at once', () => {
    const wrong = refusals(drop('lakesid@2'), kill('enclave@5'), tamper('site-9@1'), latency('nobody:1ms'));
    expect(wrong).toEqual([
      { code: 'E-USAGE', detail: '--drop lakesid@2: no party lakesid; did you mean lakeside?' },
      {
        code: 'E-USAGE',
        detail: '--kill enclave@5: such a round never comes',
        got: 'round 5',
        want: '1 to 4, the rounds of this study',
      },
      { code: 'E-USAGE', detail: '--tamper site-9@1: no hospital site-9; there are 3' },
      {
        code: 'E-USAGE',
        detail: '--latency nobody:1ms: no party nobody; parties are harbour, lakeside, site-1, enclave',
      },
    ]);
  });
});
