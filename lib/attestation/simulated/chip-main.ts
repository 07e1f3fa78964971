import { describeRefusal, ERRORS, RefusalError } from '../../core/errors.ts';
import { parseChipArguments } from './chip-arguments.ts';
import { runChip } from './run-chip.ts';

/** A simulated chip as a process of its own, for any program; see `chipCommandLine`. */
async function main(): Promise<number> {
  try {
    const wanted = parseChipArguments(process.argv.slice(2));
    if (!wanted.ok) throw new RefusalError(wanted.error);
    return await runChip(wanted.value);
  } catch (fault) {
    if (!(fault instanceof RefusalError)) throw fault;
    const [refused] = fault.refusals;
    process.stderr.write(`${describeRefusal(refused)}\n`);
    return ERRORS[refused.code].exit;
  }
}

process.exitCode = await main();
