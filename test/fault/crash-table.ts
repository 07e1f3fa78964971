import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { toHex } from '../../lib/core/bytes.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { HOSPITALS, organisationSigner, testContract } from '../support/test-contract.ts';
import { checkStudy, type StudyOutcome } from './check-study.ts';
import { FAULT_MODES, type FaultMode, type FaultPoint } from './fault-port.ts';
import { StudyUnderFaults } from './study-under-faults.ts';

/** Three hospitals, three rounds, a model of three numbers; two hospitals would be enough. */
export const threeHospitals = (): SealedContract =>
  testContract({
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

/**
 * One row for each fault: a whole study in which the operation numbered `index` goes wrong. Everything before it is as
 * in the undisturbed study, to the byte.
 */
export async function struck(
  sealed: SealedContract,
  { points, outcome }: Undisturbed,
  { index, mode, awayMs = 0 }: { index: number; mode: FaultMode; awayMs?: number },
): Promise<StudyOutcome> {
  let hits = 0;
  const choose = (_point: FaultPoint, passed: number): FaultMode | null => {
    if (passed !== index) return null;
    hits += 1;
    return mode;
  };
  const study = new StudyUnderFaults(sealed, { choose, awayMs });
  await study.run();
  const point = points[index];
  expect(study.port.passed[index]).toEqual(point);
  expect(hits, 'struck exactly once').toBe(1);
  const result = await checkStudy(study);
  // What a smaller cohort must give, `checkStudy` has computed.
  if (result.cohorts.every((size) => size === sealed.contract.organisations.length))
    expect(result.model, 'the model of the undisturbed study').toBe(outcome.model);
  endsAsItMust(study, { point, mode });
  return result;
}

/** Only the program that was struck stops, with the code of what it met; nobody trains again but who lost what it had. */
function endsAsItMust(
  study: StudyUnderFaults,
  { point, mode }: { point: FaultPoint | undefined; mode: FaultMode },
): void {
  const failedWrite = point?.kind === 'write' && mode.startsWith('fail');
  for (const { name, exits, boots } of study.programs) {
    const own = name === point?.program;
    expect(exits, `${name} ended by itself`).toEqual(own && failedWrite ? ['E-STORE-IO'] : []);
    expect(boots, `starts of ${name}`).toBe(own && (failedWrite || mode.startsWith('crash')) ? 2 : 1);
  }
  for (const { name, trainings } of study.sites) {
    const lost = point?.program === name && point.what === 'put update' && mode.endsWith('before');
    const parents = new Set(trainings.map(toHex));
    expect(trainings.length - parents.size, `trainings of ${name}`).toBeLessThanOrEqual(lost ? 1 : 0);
  }
}

/** Every operation of the programs that `of` picks, in every mode; none sampled. */
export function crashTable(title: string, of: (point: FaultPoint) => boolean): void {
  describe(`crash table: ${title}`, () => {
    useVirtualTime();
    const sealed = threeHospitals();
    const lines: string[] = [];
    let reference: Undisturbed;
    beforeAll(async () => {
      reference = await undisturbed(sealed);
      expect((await undisturbed(sealed)).points).toEqual(reference.points);
    });

    it.each(FAULT_MODES)(
      '%s, at every write and every message',
      async (mode) => {
        const rows = reference.points.flatMap((point, index) => (of(point) ? [{ point, index }] : []));
        const outcomes = new Map<string, number>();
        const failures: string[] = [];
        for (const { point, index } of rows) {
          const outcome = await struck(sealed, reference, { index, mode }).catch((fault: unknown) => {
            failures.push(`${index} ${point.program} ${point.kind} ${point.what}: ${String(fault)}`);
            return null;
          });
          if (outcome === null) continue;
          const kind = `${point.program.split(' ')[0]} ${point.kind}: ${describeOutcome(outcome)}`;
          outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
        }
        for (const [kind, count] of [...outcomes].sort()) lines.push(`${mode.padEnd(13)} ${kind}: ${count}`);
        expect(failures).toEqual([]);
        expect(rows.length).toBeGreaterThan(0);
      },
      600_000,
    );

    afterAll(() => {
      process.stdout.write(`${lines.join('\n')}\n`);
    });
  });
}

function describeOutcome({ aborts, cohorts }: StudyOutcome): string {
  const small = cohorts.some((size) => size < 3) ? ', without somebody' : '';
  return (aborts.length === 0 ? 'same attempt' : `retried after ${aborts.join(', ')}`) + small;
}
