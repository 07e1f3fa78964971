import { measureProgram } from '../attestation/measure/measure-program.ts';
import { connectToChip } from '../attestation/simulated/ipc-attester.ts';
import { readRootSeed } from '../attestation/simulated/root-seed-file.ts';
import { simulatedVerifier } from '../attestation/simulated/verify-simulated.ts';
import type { Attester } from '../attestation/attester.ts';
import { verifierRegistry, type VerifierRegistry } from '../attestation/verifier.ts';
import { systemClock, type ChannelClock } from '../channel/clock.ts';
import { systemRandom, type Random } from '../channel/random.ts';
import type { SimulationSettings } from '../config/program-fields.ts';
import { refusal, RefusalError } from '../core/errors.ts';
import type { Digest } from '../core/ids.ts';
import { seededStudyRandom, systemStudyRandom, type StudyRandom } from '../core/study-random.ts';

/** What a program gets from the machine that it runs on. */
export interface ProgramPlatform {
  readonly attester: Attester;
  readonly sealingKey: Uint8Array;
  readonly verifiers: VerifierRegistry;
  readonly random: Random;
  readonly studyRandom: StudyRandom;
  readonly clock: ChannelClock;
}

interface Program {
  /** Path of the entry point and of the folder that the measurement's paths start from. */
  readonly entry: string;
  readonly repositoryRoot: string;
  /** Called when the chip is gone: the program can no longer attest. */
  readonly onLost: () => void;
}

/** Connects to the simulated chip that started this process. Protects nothing; refuses to run without its settings. */
export async function openSimulatedPlatform(
  settings: SimulationSettings | undefined,
  program: Program,
): Promise<ProgramPlatform> {
  if (settings === undefined) {
    throw new RefusalError(
      refusal('E-CONFIG', 'simulation: this program was started for simulation and needs its settings'),
    );
  }
  const chip = connectToChip({ channel: process, onLost: program.onLost });
  const { fixedTime, roots } = settings;
  return {
    attester: chip,
    sealingKey: await chip.sealingKey(),
    verifiers: verifierRegistry([simulatedVerifier({ roots })]),
    random: systemRandom,
    studyRandom: studyRandomOf(settings),
    // Deadlines and freshness run on real time; only what statements say of the time stands still.
    clock: fixedTime === undefined ? systemClock : { ...systemClock, now: () => fixedTime },
  };
}

/** The same for the enclave, whose passports also state the measurement of the running program. */
export async function openSimulatedEnclavePlatform(
  settings: SimulationSettings | undefined,
  program: Program,
): Promise<ProgramPlatform & { readonly software: Digest }> {
  const platform = await openSimulatedPlatform(settings, program);
  return { ...platform, software: measureProgram(program.entry, program.repositoryRoot).digest };
}

function studyRandomOf({ seedFile }: SimulationSettings): StudyRandom {
  if (seedFile === undefined) return systemStudyRandom(systemRandom);
  const seed = readRootSeed(seedFile);
  if (!seed.ok) throw new RefusalError(seed.error);
  return seededStudyRandom(seed.value);
}
