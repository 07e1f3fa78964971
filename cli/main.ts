import type { CommandModule } from './command-module.ts';
import { chipCommand } from './commands/chip.ts';
import { contractCommand } from './commands/contract.ts';
import { dataCommand } from './commands/data.ts';
import { errorsCommand } from './commands/errors.ts';
import { measureCommand } from './commands/measure.ts';
import { orgCommand } from './commands/org.ts';
import { predictCommand } from './commands/predict.ts';
import { coordinatorCommand, enclaveCommand, siteCommand } from './commands/programs.ts';
import { simulateCommand } from './commands/simulate.ts';
import { studyCommand } from './commands/study.ts';
import { tlsCommand } from './commands/tls.ts';
import { verifyCommand } from './commands/verify.ts';
import { processIo } from './process-io.ts';
import { reportFault, runProgram } from './program.ts';

/** In the order in which help shows them. */
const COMMANDS: readonly CommandModule[] = [
  simulateCommand,
  orgCommand,
  contractCommand,
  tlsCommand,
  chipCommand,
  coordinatorCommand,
  enclaveCommand,
  siteCommand,
  studyCommand,
  dataCommand,
  verifyCommand,
  predictCommand,
  measureCommand,
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
