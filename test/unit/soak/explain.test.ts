import { describe, expect, it } from 'vitest';
import type { Statement } from '../../../lib/audit/statement.ts';
import type { ErrorCode } from '../../../lib/core/errors.ts';
import { explainRounds, isExplained, timedFaults, type Story, type TimedFault } from '../../soak/explain.ts';

const HOSPITALS = ['adler', 'birch', 'cedar', 'dogwood'];

/** Only what the explanation reads; round r begins at 1000 r. */
const statement = (fields: object): Statement => fields as Statement;
const manifest = (round: number, attempt = 1): Statement =>
  statement({ type: 'manifest', round, attempt, at: 1000 * round + 100 * attempt });
const aborted = (round: number, code: ErrorCode, attempt = 1): Statement =>
  statement({ type: 'abort', round, attempt, code, at: 1000 * round + 100 * attempt + 50 });
const released = (round: number, { attempt = 1, without = [] as readonly string[] } = {}): Statement[] => {
  const members = HOSPITALS.filter((id) => !without.includes(id)).map((organisation) => ({ organisation }));
  return [
    statement({ type: 'intent', round, attempt, members }),
    statement({ type: 'release', round, attempt, at: 1000 * round + 900 }),
  ];
};

const fault = (asked: string, [fromMs, toMs]: readonly [number, number]): TimedFault => {
  const [kind = '', parties = ''] = asked.split(/[ @]/);
  return { asked, kind: kind as TimedFault['kind'], parties: parties.split(','), fromMs, toMs };
};

const story = (statements: readonly (Statement | Statement[])[], faults: readonly TimedFault[], rounds = 2): Story => ({
  statements: statements.flat(),
  faults,
  hospitals: HOSPITALS,
  kMin: 3,
  rounds,
});

describe('a round', () => {
  it('that was released with everybody needs no explanation', () => {
    const outcomes = explainRounds(story([manifest(1), released(1), manifest(2), released(2)], []));
    expect(outcomes).toEqual([1, 2].map((round) => ({ round, releasedAtAttempt: 1, attempts: [], absences: [] })));
    expect(outcomes.every(isExplained)).toBe(true);
  });

  it('that was never released is never explained', () => {
    const [, second] = explainRounds(
      story([manifest(1), released(1), manifest(2)], [fault('drop adler@2', [0, 9000])]),
    );
    expect(second).toMatchObject({ releasedAtAttempt: null });
    expect(second !== undefined && isExplained(second)).toBe(false);
  });
});

describe('a hospital that is missing', () => {
  const second = (faults: readonly TimedFault[]) =>
    explainRounds(story([manifest(1), released(1), manifest(2), released(2, { without: ['birch'] })], faults))[1];

  it('is explained by a fault of its own, or of what all need', () => {
    for (const asked of ['drop birch@2', 'partition adler,birch@2', 'kill coordinator@2', 'cut enclave@2'])
      expect(second([fault(asked, [2050, 2500])])?.absences).toEqual([{ what: 'without birch', by: [asked] }]);
  });

  it.each<[string, TimedFault]>([
    ['of another hospital', fault('drop adler@2', [2050, 2500])],
    ['that was over when it was last well', fault('drop birch@1', [500, 1050])],
    ['that struck later', fault('drop birch@2', [2950, 3500])],
    ['so long ago that it should be back', fault('drop birch@1', [-60_000, -50_000])],
  ])('is not explained by a fault %s', (_, wrong) => {
    const outcome = second([wrong]);
    expect(outcome?.absences).toEqual([{ what: 'without birch', by: [] }]);
    expect(outcome !== undefined && isExplained(outcome)).toBe(false);
  });

  it('is still explained by a fault that it has not come back from', () => {
    const told = [manifest(1), released(1), manifest(2), released(2, { without: ['birch'] })];
    const later = [
      manifest(3),
      released(3, { without: ['birch'] }),
      manifest(4),
      released(4),
      manifest(5),
      released(5, { without: ['birch'] }),
    ];
    const outcomes = explainRounds(story([...told, ...later], [fault('drop birch@2', [2050, 2060])], 5));
    expect(outcomes.map((outcome) => isExplained(outcome))).toEqual([true, true, true, true, false]);
  });
});

describe('an aborted attempt', () => {
  const first = (code: ErrorCode, faults: readonly TimedFault[]) =>
    explainRounds(story([manifest(1), aborted(1, code), manifest(1, 2), released(1, { attempt: 2 })], faults, 1))[0];

  it.each<[ErrorCode, string]>([
    ['E-ENCLAVE-RESTARTED', 'kill enclave@1'],
    ['E-ROUND-STOPPED', 'kill coordinator@1'],
    ['E-COHORT-TOO-SMALL', 'partition adler,cedar@1'],
    ['E-ACKS-MISSING', 'drop enclave@1'],
  ])('%s is explained by %s', (code, asked) => {
    const outcome = first(code, [fault(asked, [1010, 1100])]);
    expect(outcome).toMatchObject({ releasedAtAttempt: 2, attempts: [{ what: `attempt 1 ${code}`, by: [asked] }] });
    expect(outcome !== undefined && isExplained(outcome)).toBe(true);
  });

  it.each<[ErrorCode, string]>([
    ['E-ENCLAVE-RESTARTED', 'drop enclave@1'],
    ['E-ENCLAVE-RESTARTED', 'kill coordinator@1'],
    ['E-ROUND-STOPPED', 'kill adler@1'],
    // One of four may be missing where three are enough.
    ['E-COHORT-TOO-SMALL', 'drop adler@1'],
    ['E-COHORT-TIME', 'kill enclave@1'],
  ])('%s is not explained by %s', (code, asked) => {
    expect(first(code, [fault(asked, [1010, 1100])])?.attempts).toEqual([{ what: `attempt 1 ${code}`, by: [] }]);
  });

  it('two faults of one hospital each make a cohort too small', () => {
    const faults = [fault('drop adler@1', [1010, 1100]), fault('tamper birch@1', [1010, 1010])];
    expect(first('E-COHORT-TOO-SMALL', faults)?.attempts[0]?.by).toEqual(['drop adler@1', 'tamper birch@1']);
  });
});

describe('faults on the clock of the statements', () => {
  it('last from the strike on, and explain nothing where they did not strike', () => {
    const record = { asked: 'a', kind: 'drop', parties: ['adler'], outcome: '' } as const;
    const struck = { round: 1, attempt: 1, phase: 'commit', atMs: 30 };
    const timed = timedFaults(
      [
        { ...record, struck, lastedMs: 500 },
        { ...record, struck, lastedMs: null },
        { ...record, struck: null, lastedMs: null },
      ],
      1000,
    );
    expect(timed.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [1030, 1530],
      [1030, 1030],
    ]);
  });
});
