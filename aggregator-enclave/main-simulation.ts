import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../lib/config/run-program.ts';
import { openSimulatedEnclavePlatform } from '../lib/simulation/simulated-platform.ts';
import { runEnclave } from './host/run-enclave.ts';

/** The enclave under a simulated chip, which protects nothing; started by the chip process only. */
const entry = fileURLToPath(import.meta.url);

await runProgram((configPath, stop) =>
  runEnclave(configPath, {
    environment: 'simulation',
    stop,
    open: ({ simulation }) =>
      openSimulatedEnclavePlatform(simulation, { entry, repositoryRoot: dirname(dirname(entry)), onLost: stop.now }),
  }),
);
