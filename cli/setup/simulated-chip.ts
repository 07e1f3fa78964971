import type { ChipArguments } from '../../lib/attestation/simulated/chip-arguments.ts';
import { runChip } from '../../lib/attestation/simulated/run-chip.ts';
import type { Instant } from '../../lib/core/ids.ts';
import { PROGRAM_ENTRIES, repositoryRoot, type MeasuredProgram } from './program-entries.ts';

interface ChipRun extends Pick<ChipArguments, 'rootSeedFile' | 'instance' | 'lies' | 'role'> {
  readonly program: MeasuredProgram;
  readonly args: readonly string[];
  /** The time that the program's statements bear, so that evidence bears it too; absent: the system clock. */
  readonly fixedTime?: Instant | undefined;
}

/** Turns this process into the simulated chip of one program and serves until the program has ended; gives its exit code. */
export function runSimulatedChip({ program, args, fixedTime, ...chip }: ChipRun): Promise<number> {
  return runChip({
    ...chip,
    entry: PROGRAM_ENTRIES[program],
    repositoryRoot,
    programArguments: args,
    ...(fixedTime === undefined ? {} : { fixedTime }),
  });
}
