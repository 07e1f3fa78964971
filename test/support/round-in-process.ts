import { vi } from 'vitest';
import { createMemoryDisk, type MemoryDisk } from '../../lib/store/memory.ts';
import type { SiteInProcess, StudyInProcess } from './study-in-process.ts';
import { digestOf, START } from './test-contract.ts';

/** Patient: it decides nothing but when a test gives up. */
export const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error('not yet');
    },
    { timeout: 30_000, interval: 5 },
  );

export const phaseOf = ({ enclave: { state } }: StudyInProcess): string => state.phase;

interface Attempt {
  readonly round: number;
  readonly attempt?: number;
  /** Sites that take part; all of the study's unless given. */
  readonly sites?: readonly SiteInProcess[];
}

/** Opens an attempt and waits for the commits of its connected `sites`. */
export async function openRound(
  study: StudyInProcess,
  { round, attempt = 1, sites = study.sites }: Attempt,
): Promise<void> {
  await study.command({ type: 'open-round', at: START, round, attempt });
  await until(() => study.enclave.state.phase === 'open' && study.enclave.state.commits.size === sites.length);
}

/** Up to the last upload of `sites`: the next thing to be asked for is the Intent. */
export async function collectUpdates(study: StudyInProcess, attempt: Attempt): Promise<void> {
  await openRound(study, attempt);
  await study.command({ type: 'lock-cohort', at: START });
  const { sites = study.sites } = attempt;
  await until(() => study.enclave.state.phase === 'collecting' && study.enclave.state.accepted.size === sites.length);
}

export const closeCollection = (study: StudyInProcess): Promise<void> =>
  study.command({ type: 'close-collection', at: START, salt: digestOf('result salt') });

/** A whole undisturbed round, until every one of `sites` has the model. */
export async function runRound(study: StudyInProcess, attempt: Attempt): Promise<void> {
  await collectUpdates(study, attempt);
  await closeCollection(study);
  const { round, sites = study.sites } = attempt;
  await until(() => phaseOf(study) === 'released' && sites.every(({ agent }) => agent.state.model.round === round));
}

/** Cuts the lines of `sites` and waits until nothing of their sessions is left. */
export async function cutOff(sites: readonly SiteInProcess[]): Promise<void> {
  for (const site of sites) site.stop();
  await until(() => sites.every(({ ended }) => ended));
}

/** What a thief of a disk, or a backup, holds at this moment. */
export function copyOf({ streams, blobs }: MemoryDisk): MemoryDisk {
  const copy = createMemoryDisk();
  for (const [name, records] of streams) copy.streams.set(name, [...records]);
  for (const [key, bytes] of blobs) copy.blobs.set(key, bytes);
  return copy;
}
