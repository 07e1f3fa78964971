import '../fault/stand-ins.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../lib/core/bytes.ts';
import type { AdvanceRequest } from '../../lib/wire/control-codec.ts';
import { checkStudy } from '../fault/check-study.ts';
import { threeHospitals, undisturbed, useVirtualTime } from '../fault/crash-table.ts';
import type { FaultMode, FaultPoint } from '../fault/fault-port.ts';
import { StudyUnderFaults } from '../fault/study-under-faults.ts';

/**
 * PROTOCOL §8, A9: the coordinator kills the enclave, hoping for a second draw of noise, a second result for one Intent or
 * a second release. It does so at every write and at every message, also twice, and after every kill it asks the enclave
 * for everything that it could ask for. Real host and core of the enclave, real agents; the attested channel has its own
 * tests and is left out.
 */
const sealed = threeHospitals();
const HOSPITALS = sealed.contract.organisations.length;
/** Operations of a boot of the enclave at which it is killed again. */
const SECOND_KILLS = 8;
/** On a machine that is busy with other things. */
const PATIENCE_MS = 900_000;

/** Every action, for the attempt that is under way, the next one and the next round. */
async function askForEverything({ enclave }: StudyUnderFaults): Promise<void> {
  if (enclave.boots === 1 || enclave.up === null) return;
  const { host } = enclave.up;
  const newest = enclave.told.findLast(({ event }) => event.kind === 'statementIssued' && event.round > 0)?.event;
  const { round, attempt } = newest?.kind === 'statementIssued' ? newest : { round: 1, attempt: 1 };
  const actions = ['closeCollection', 'closeAcknowledgement', 'lockCohort', 'abortRound', 'openRound'] as const;
  const requests: AdvanceRequest[] = actions.flatMap((action) => [
    { action, round, attempt },
    { action, round, attempt: attempt + 1 },
    { action, round: round + 1, attempt: 1 },
  ]);
  for (const request of requests) {
    // A program that is killed at this moment answers nobody.
    const answered = host.advance(request);
    await Promise.race([answered, enclave.life?.never(), new Promise<void>((resolve) => enclave.life?.onEnd(resolve))]);
  }
}

/** Every content that was ever sealed for an Intent, by the name it was kept under. */
function watchSealedResults({ enclave }: StudyUnderFaults): ReadonlyMap<string, ReadonlySet<string>> {
  const sealedAs = new Map<string, Set<string>>();
  const { blobs } = enclave.disk;
  const put = blobs.set.bind(blobs);
  blobs.set = (name, bytes) => {
    if (name.startsWith('sealed ')) sealedAs.set(name, (sealedAs.get(name) ?? new Set()).add(toHex(bytes)));
    return put(name, bytes);
  };
  return sealedAs;
}

async function killed(choose: (point: FaultPoint, index: number) => FaultMode | null): Promise<void> {
  const study = new StudyUnderFaults(sealed, { choose, meddle: askForEverything });
  const sealedAs = watchSealedResults(study);
  await study.run();
  const { evidence, cohorts } = await checkStudy(study);
  expect(cohorts).toEqual([HOSPITALS, HOSPITALS, HOSPITALS]);
  // One Intent for each parent, since each is finished; one result for each Intent, sealed once.
  const intents = evidence.statements.filter(({ statement }) => statement.type === 'intent');
  expect(intents).toHaveLength(sealed.contract.rounds);
  for (const { digest } of intents) {
    const contents = [...sealedAs].filter(([name]) => name.endsWith(toHex(digest)));
    expect(
      contents.map(([, bytes]) => bytes.size),
      '§7.8: a result that was computed twice',
    ).toEqual([1]);
  }
  const shownGenesis = evidence.shown.filter(({ signed }) => signed.statement.type === 'genesis');
  expect(new Set(shownGenesis.map(({ signed }) => toHex(signed.digest))).size, '§7.1: a second NOISE_ROOT').toBe(1);
}

describe('PROTOCOL §8, A9: a coordinator that kills the enclave', () => {
  useVirtualTime();
  let points: readonly FaultPoint[] = [];
  beforeAll(async () => {
    points = (await undisturbed(sealed)).points;
  });
  const enclavePoints = (kind: FaultPoint['kind']): number[] =>
    points.flatMap((point, index) => (point.program === 'enclave' && point.kind === kind ? [index] : []));

  it.each([
    ['before', 'write', 'crash before'],
    ['after', 'write', 'crash after'],
    // What is not sent here was not sent after the operation before it.
    ['after', 'send', 'crash after'],
  ] as const)(
    '%s every %s, gets one result for each Intent and one release for each parent',
    async (_when, kind, mode) => {
      for (const index of enclavePoints(kind))
        await killed((_point, passed) => (passed === index ? mode : null)).catch(named(points[index], index));
    },
    PATIENCE_MS,
  );

  it(
    'nor does it by killing the next boot as well, at each of its first writes and messages',
    async () => {
      for (const first of enclavePoints('write')) {
        for (let second = 0; second < SECOND_KILLS; second++) {
          let since = -1;
          await killed(({ program }, passed) => {
            if (passed === first) since = 0;
            else if (since >= 0 && program === 'enclave') since += 1;
            return program === 'enclave' && (passed === first || since === second + 1) ? 'crash after' : null;
          }).catch(named(points[first], first));
        }
      }
    },
    PATIENCE_MS,
  );
});

const named =
  (point: FaultPoint | undefined, index: number) =>
  (fault: unknown): never => {
    throw new Error(`killed at ${index}, ${point?.what ?? ''}`, { cause: fault });
  };
