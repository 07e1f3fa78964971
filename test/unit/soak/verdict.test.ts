import { describe, expect, it } from 'vitest';
import type { RoundOutcome } from '../../soak/explain.ts';
import type { Sample } from '../../soak/growth.ts';
import { verdictLines, verdictText } from '../../soak/verdict-text.ts';
import { judge, type Evidence } from '../../soak/verdict.ts';

const fine: RoundOutcome = { round: 1, releasedAtAttempt: 1, attempts: [], absences: [] };
const flat = (value: number): Sample[] =>
  Array.from({ length: 300 }, (_, round) => ({ round, life: 'a', value: value + 1000 * Math.sin(round) }));
const rising = (perRound: number): Sample[] =>
  Array.from({ length: 300 }, (_, round) => ({ round, life: 'a', value: 1e6 + perRound * round }));

const good: Evidence = {
  rounds: 300,
  outcomes: [fine],
  samples: new Map([
    ['rss of enclave', flat(1e8)],
    ['heap of enclave', flat(3e7)],
    ['file enclave/enclave.sqlite', rising(10_000)],
    ['wal enclave/enclave.sqlite-wal', flat(4e6)],
  ]),
  neverStruck: [],
  trouble: null,
  deaths: [],
  heaps: true,
};
const failuresOf = (change: Partial<Evidence>): readonly string[] => judge({ ...good, ...change }).failures;
const withSamples = (what: string, samples: readonly Sample[]): Partial<Evidence> => ({
  samples: new Map([...good.samples, [what, samples]]),
});

describe('the verdict of a soak', () => {
  it('is good when nothing is wrong', () => {
    expect(judge(good)).toMatchObject({ passed: true, failures: [] });
  });

  it.each<[string, Partial<Evidence>, string]>([
    ['a study that failed', { trouble: 'E-COHORT-TOO-SMALL' }, 'the study did not end well: E-COHORT-TOO-SMALL'],
    ['a program that died', { deaths: ['enclave died (SIGSEGV)'] }, 'enclave died (SIGSEGV)'],
    ['a fault that never struck', { neverStruck: ['kill enclave@4/commit'] }, 'kill enclave@4/commit never struck'],
    ['memory that grows', withSamples('rss of enclave', rising(1 << 20)), 'rss of enclave grows'],
    ['a heap that grows', withSamples('heap of enclave', rising(20_000)), 'heap of enclave grows'],
    [
      'a file that grows',
      withSamples('file enclave/enclave.sqlite', rising(200_000)),
      'file enclave/enclave.sqlite grows',
    ],
    [
      'a log that is not emptied',
      withSamples('wal enclave/enclave.sqlite-wal', flat(9 << 20)),
      'wal enclave/enclave.sqlite-wal grows',
    ],
    ['no memory to judge by', { samples: new Map() }, 'too few samples of rss to judge by'],
    [
      'a round without a release',
      { outcomes: [{ ...fine, releasedAtAttempt: null }] },
      'round 1 is not explained: not released',
    ],
    [
      'an attempt that nothing explains',
      { outcomes: [{ ...fine, attempts: [{ what: 'attempt 1 E-COHORT-TIME', by: [] }] }] },
      'round 1 is not explained: released at attempt 1; attempt 1 E-COHORT-TIME (NOTHING EXPLAINS IT)',
    ],
    [
      'an absence that nothing explains',
      { outcomes: [{ ...fine, absences: [{ what: 'without adler', by: [] }] }] },
      'round 1 is not explained: released at attempt 1; without adler (NOTHING EXPLAINS IT)',
    ],
  ])('is bad for %s', (_, change, why) => {
    expect(failuresOf(change)).toContain(why);
  });

  it('does not judge growth in few rounds, and says so', () => {
    const few = judge({ ...good, rounds: 60, ...withSamples('rss of enclave', rising(1 << 20)) });
    expect(few).toMatchObject({ passed: true, growthJudged: false });
    expect(verdictText(few, { rounds: 60, seed: 1, minutes: 1 })).toContain('Too few rounds to judge growth by');
  });

  it('asks for no heaps where none could be measured', () => {
    const samples = new Map([['rss of enclave', flat(1e8)]]);
    expect(failuresOf({ samples, heaps: false })).toEqual([]);
    expect(failuresOf({ samples })).toEqual(['too few samples of heap to judge by']);
  });

  it('does not judge growth by the first fifth of the rounds', () => {
    const settling = flat(1e8).map((sample) => ({
      ...sample,
      value: sample.round <= 60 ? 1e6 * sample.round : sample.value,
    }));
    expect(failuresOf(withSamples('rss of enclave', settling))).toEqual([]);
  });
});

describe('the verdict in words', () => {
  const ran = { rounds: 300, seed: 7, minutes: 3.21 };
  const explained = { ...fine, round: 2, absences: [{ what: 'without adler', by: ['drop adler@2/commit'] }] };

  it('tells people which rounds were eventful, what grows, and what failed', () => {
    const text = verdictText(judge({ ...good, outcomes: [fine, explained] }), ran);
    expect(text).toContain(
      'round 2: released at attempt 1; without adler (drop adler@2/commit)\n1 rounds were released',
    );
    expect(text).toMatch(/^file enclave\/enclave\.sqlite +3\.8 MiB +9\.8 KiB .* 239 samples$/m);
    expect(text).toMatch(/soak of 300 rounds, seed 7, 3\.2 min: passed\n$/);
    expect(verdictText(judge({ ...good, deaths: ['x died'] }), ran)).toMatch(/FAILED\n {2}x died\n$/);
  });

  it('tells programs everything, one object in each line', () => {
    const lines = verdictLines(judge({ ...good, outcomes: [fine, explained] }), ran)
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['soak', 'round', 'round']);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      passed: true,
      rounds: 300,
      seed: 7,
      minutes: 3.2,
      failures: [],
    });
  });
});
