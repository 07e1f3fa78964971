import { toHex } from '../../core/bytes.ts';
import { describeRefusal, ERRORS, type Refusal } from '../../core/errors.ts';
import { instant } from '../../core/ids.ts';
import { parseChipArguments, parseLies } from './chip-arguments.ts';
import { startChipProcess, watchParent, type ChipEvent } from './chip-process.ts';
import { SimulatedChip } from './chip.ts';
import { readRootSeed } from './root-seed-file.ts';

/** Wires a simulated chip as a process of its own; its log goes to stderr, one JSON object per line. */
async function main(): Promise<number> {
  const wanted = parseChipArguments(process.argv.slice(2));
  if (!wanted.ok) return refuse(wanted.error);
  const { rootSeedFile, instance, role, entry, repositoryRoot, lies: lieTexts, programArguments } = wanted.value;
  const lies = parseLies(lieTexts);
  if (!lies.ok) return refuse(lies.error);
  const rootSeed = readRootSeed(rootSeedFile);
  if (!rootSeed.ok) return refuse(rootSeed.error);
  const chip = new SimulatedChip({
    rootSeed: rootSeed.value,
    instance,
    lies: lies.value,
    now: () => instant(Date.now()),
  });
  const log = (event: ChipEvent): void => {
    const plain = event.event === 'started' ? { ...event, measurement: toHex(event.measurement) } : event;
    process.stderr.write(`${JSON.stringify({ source: 'simulated-chip', instance, ...plain })}\n`);
  };
  const running = startChipProcess({ chip, role, entry, repositoryRoot, args: programArguments, report: log });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the program as well; a second copy could look like impatience.
      const delivered = signal === 'SIGINT' && process.stdin.isTTY;
      running.stop({ signal, delivered, reason: signal });
    });
  }
  const unwatch = watchParent(() => {
    running.stop({ signal: 'SIGTERM', delivered: false, reason: 'the process that started this chip ended' });
  });
  const exitCode = await running.ended;
  unwatch();
  return exitCode;
}

function refuse(refused: Refusal): number {
  process.stderr.write(`${describeRefusal(refused)}\n`);
  return ERRORS[refused.code].exit;
}

process.exitCode = await main();
