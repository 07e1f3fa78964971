import { parseLies } from '../../lib/attestation/simulated/chip-arguments.ts';
import { startChipProcess, watchParent, type ChipEvent } from '../../lib/attestation/simulated/chip-process.ts';
import { SimulatedChip } from '../../lib/attestation/simulated/chip.ts';
import { readRootSeed } from '../../lib/attestation/simulated/root-seed-file.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import { instant } from '../../lib/core/ids.ts';
import { PROGRAM_ENTRIES, repositoryRoot, type MeasuredProgram } from './draft.ts';

interface ChipRun {
  readonly rootSeedFile: string;
  readonly instance: string;
  readonly lies: readonly string[];
  readonly role: 'enclave' | 'site';
  readonly program: MeasuredProgram;
  readonly args: readonly string[];
}

/** Turns this process into the simulated chip of one program and serves until the program has ended; gives its exit code. */
export async function runSimulatedChip({
  rootSeedFile,
  instance,
  lies: texts,
  role,
  program,
  args,
}: ChipRun): Promise<number> {
  const lies = parseLies(texts);
  if (!lies.ok) throw new RefusalError(lies.error);
  const rootSeed = readRootSeed(rootSeedFile);
  if (!rootSeed.ok) throw new RefusalError(rootSeed.error);
  const chip = new SimulatedChip({
    rootSeed: rootSeed.value,
    instance,
    lies: lies.value,
    now: () => instant(Date.now()),
  });
  const report = (event: ChipEvent): void => {
    const plain = event.event === 'started' ? { ...event, measurement: toHex(event.measurement) } : event;
    process.stderr.write(`${JSON.stringify({ source: 'simulated-chip', instance, ...plain })}\n`);
  };
  const running = startChipProcess({ chip, role, entry: PROGRAM_ENTRIES[program], repositoryRoot, args, report });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the program as well; a second copy could look like impatience.
      running.stop({ signal, delivered: signal === 'SIGINT' && process.stdin.isTTY, reason: signal });
    });
  }
  const unwatch = watchParent(() => {
    running.stop({ signal: 'SIGTERM', delivered: false, reason: 'the process that started this chip ended' });
  });
  const exitCode = await running.ended;
  unwatch();
  return exitCode;
}
