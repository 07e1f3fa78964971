import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../lib/config/run-program.ts';
import { openSimulatedPlatform } from '../lib/simulation/simulated-platform.ts';
import { runSite } from './run-site.ts';

/** A hospital's agent under a simulated chip, which protects nothing; started by the chip process only. */
const entry = fileURLToPath(import.meta.url);

await runProgram((configPath, stop) =>
  runSite(configPath, {
    stop,
    open: async ({ simulation }) => ({
      ...(await openSimulatedPlatform(simulation, {
        entry,
        repositoryRoot: dirname(dirname(entry)),
        onLost: stop.now,
      })),
      environment: 'simulation',
    }),
  }),
);
