import { toHex } from '../../core/bytes.ts';
import { RefusalError } from '../../core/errors.ts';
import { instant } from '../../core/ids.ts';
import { parseLies, type ChipArguments } from './chip-arguments.ts';
import { startChipProcess, watchParent, type ChipEvent } from './chip-process.ts';
import { SimulatedChip } from './chip.ts';
import { readRootSeed } from './root-seed-file.ts';

/**
 * Turns this process into the simulated chip of one program and serves until the program has ended; gives its exit
 * code. The chip's log goes to stderr, one JSON object per line. Throws RefusalError for lies that no chip
 * understands and for a root seed file that is not acceptable.
 */
export async function runChip(wanted: ChipArguments): Promise<number> {
  const { rootSeedFile, instance, role, entry, repositoryRoot, programArguments: args, fixedTime } = wanted;
  const lies = parseLies(wanted.lies);
  if (!lies.ok) throw new RefusalError(lies.error);
  const rootSeed = readRootSeed(rootSeedFile);
  if (!rootSeed.ok) throw new RefusalError(rootSeed.error);
  const chip = new SimulatedChip({
    rootSeed: rootSeed.value,
    instance,
    lies: lies.value,
    now: () => fixedTime ?? instant(Date.now()),
  });
  const report = (event: ChipEvent): void => {
    const plain = event.event === 'started' ? { ...event, measurement: toHex(event.measurement) } : event;
    process.stderr.write(`${JSON.stringify({ source: 'simulated-chip', instance, ...plain })}\n`);
  };
  const running = startChipProcess({ chip, role, entry, repositoryRoot, args, report });
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
