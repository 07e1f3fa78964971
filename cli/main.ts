import type { CommandModule } from './command-module.ts';
import { errorsCommand } from './commands/errors.ts';
import { coordinatorCommand, enclaveCommand, siteCommand } from './commands/programs.ts';
import { simulateCommand } from './commands/simulate.ts';
import { processIo } from './process-io.ts';
import { reportFault, runProgram } from './program.ts';

const COMMANDS: readonly CommandModule[] = [
  simulateCommand,
  coordinatorCommand,
  enclaveCommand,
  siteCommand,
  errorsCommand,
];

const argv = process.argv.slice(2);
const io = processIo();

for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (fault: unknown) => {
    process.exit(reportFault(fault, io, argv.includes('--json')));
  });
}

// Not process.exit: what is still on its way to a pipe must arrive.
process.exitCode = await runProgram(argv, COMMANDS, io);
