import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { toHex } from '../../lib/core/bytes.ts';
import type { SealedContract, StudyContract } from '../../lib/contract/study-contract.ts';
import type { ErrorCode } from '../../lib/core/errors.ts';
import { HOSPITALS, organisationSigner, testContract } from '../support/test-contract.ts';
import { checkStudy, type StudyOutcome } from './check-study.ts';
import { CrashSummary } from './crash-summary.ts';
import type { FaultMode, FaultPoint } from './fault-port.ts';
import { StudyUnderFaults } from './study-under-faults.ts';

/** Three hospitals, three rounds, a model of three numbers; two hospitals would be enough. */
export const threeHospitals = (
  contractWith: (change: Partial<StudyContract>) => SealedContract = testContract,
): SealedContract =>
  contractWith({
    kMin: 2,
    organisations: HOSPITALS.slice(0, 3).map((id) => ({
      id,
      name: `${id} hospital`,
      key: organisationSigner(id).publicKey,
    })),
  });

/** Time that passes only when `StudyUnderFaults` lets it, and pauses without chance in them. */
export function useVirtualTime(): void {
  beforeAll(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
  });
  afterAll(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
}

interface Undisturbed {
  readonly points: readonly FaultPoint[];
  readonly outcome: StudyOutcome;
}

export async function undisturbed(sealed: SealedContract): Promise<Undisturbed> {
  const study = new StudyUnderFaults(sealed, { choose: () => null });
  await study.run();
  return { points: study.port.passed, outcome: await checkStudy(study) };
}

/** What happens at one operation. */
interface Strike {
  readonly mode: FaultMode;
  /** How long whoever dies stays away. Longer than the coordinator asks again (10 s) and than a commit deadline (5 s). */
  readonly awayMs?: number;
  /** All programs die at that moment: a power cut. */
  readonly all?: boolean;
}

/** The columns of the table; the last two leave the same disks at a message as at the write before it. */
const STRIKES: readonly (readonly [title: string, kinds: readonly FaultPoint['kind'][], strike: Strike])[] = [
  ['killed before', ['write', 'send'], { mode: 'crash before' }],
  ['killed after', ['write', 'send'], { mode: 'crash after' }],
  ['fails: lost', ['write', 'send'], { mode: 'fail before' }],
  ['fails: done, reported lost', ['write', 'send'], { mode: 'fail after' }],
  ['killed after, away 15 s', ['write'], { mode: 'crash after', awayMs: 15_000 }],
  ['power cut after', ['write'], { mode: 'crash after', all: true }],
];

/**
 * A whole study in which the operation numbered `index` goes wrong. Everything before it is as in the undisturbed study.
 */
async function struck(
  sealed: SealedContract,
  { points, outcome }: Undisturbed,
  { index, strike }: { index: number; strike: Strike },
): Promise<StudyOutcome> {
  const { mode, awayMs = 0, all = false } = strike;
  let hits = 0;
  const choose = (_point: FaultPoint, passed: number): FaultMode | null => {
    if (passed !== index) return null;
    hits += 1;
    return mode;
  };
  const study = new StudyUnderFaults(sealed, { choose, awayMs, together: all });
  await study.run();
  expect(study.port.passed[index]).toEqual(points[index]);
  expect(hits, 'struck exactly once').toBe(1);
  const result = await checkStudy(study);
  // What a smaller cohort must give, `checkStudy` has computed.
  if (result.cohorts.every((size) => size === sealed.contract.organisations.length))
    expect(result.model, 'the model of the undisturbed study').toBe(outcome.model);
  endsAsItMust(study, { point: points[index], strike });
  if (awayMs === 0) expect(result.aborts, 'attempts given up').toEqual(interrupted(study, result));
  return result;
}

/** PROTOCOL §7.8: an attempt ends early only if the enclave died in it before its Intent was stored. */
function interrupted({ enclave }: StudyUnderFaults, { evidence: { enclaveEvents } }: StudyOutcome): ErrorCode[] {
  // The first record is NOISE_ROOT.
  const stored = enclaveEvents.slice(0, Math.max(enclave.storedAtEnd - 1, 0));
  const newest = stored.flatMap((event) => ('statement' in event ? [event.statement.statement.type] : [])).at(-1);
  return newest === 'manifest' || newest === 'certificate' ? ['E-ENCLAVE-RESTARTED'] : [];
}

/** Only the program that was struck stops, with the code of what it met; nobody trains again but who lost what it had. */
function endsAsItMust(
  { programs, sites }: StudyUnderFaults,
  { point, strike: { mode, all = false } }: { point: FaultPoint | undefined; strike: Strike },
): void {
  const failedWrite = point?.kind === 'write' && mode.startsWith('fail');
  for (const { name, exits, boots } of programs) {
    const own = name === point?.program;
    expect(exits, `${name} ended by itself`).toEqual(own && failedWrite ? ['E-STORE-IO'] : []);
    const ended = all || (own && (failedWrite || mode.startsWith('crash')));
    expect(boots, `starts of ${name}`).toBe(ended ? 2 : 1);
  }
  for (const { name, trainings } of sites) {
    const lost = point?.program === name && point.what === 'put update' && mode.endsWith('before');
    const parents = new Set(trainings.map(toHex));
    expect(trainings.length - parents.size, `trainings of ${name}`).toBeLessThanOrEqual(lost ? 1 : 0);
  }
}

/** Every operation of the programs that `of` picks; none sampled. Prints what came of it. */
export function crashTable(
  title: string,
  of: (point: FaultPoint, index: number, points: readonly FaultPoint[]) => boolean,
  sealed = threeHospitals(),
): void {
  describe(`crash table: ${title}`, () => {
    useVirtualTime();
    const summary = new CrashSummary(title);
    let reference: Undisturbed;
    beforeAll(async () => {
      reference = await undisturbed(sealed);
      expect((await undisturbed(sealed)).points).toEqual(reference.points);
    });

    it.each(STRIKES)(
      '%s, at every %j',
      async (column, kinds, strike) => {
        const rows = [...reference.points.entries()].filter(
          ([index, point]) => of(point, index, reference.points) && kinds.includes(point.kind),
        );
        const failures: string[] = [];
        for (const [index, point] of rows) {
          const outcome = await struck(sealed, reference, { index, strike }).catch((fault: unknown) => {
            failures.push(`${index} ${point.program} ${point.kind} ${point.what}: ${String(fault)}`);
          });
          if (outcome !== undefined) summary.add(column, point.kind, outcome);
        }
        expect(failures).toEqual([]);
        expect(rows.length).toBeGreaterThan(0);
      },
      TABLE_MS,
    );

    afterAll(() => {
      process.stdout.write(summary.text());
    });
  });
}

/** Of one column, on a machine that is busy with other things. */
const TABLE_MS = 900_000;
