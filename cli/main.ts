import { modulesFor } from './command-list.ts';
import { processIo } from './process-io.ts';
import { reportFault, runProgram } from './program.ts';

const argv = process.argv.slice(2);
const io = processIo();

for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (fault: unknown) => {
    process.exit(reportFault(fault, io, argv.includes('--json')));
  });
}

// Not process.exit: what is still on its way to a pipe must arrive.
process.exitCode = await runProgram(argv, await modulesFor(argv), io);
