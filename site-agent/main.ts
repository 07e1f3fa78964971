import { refusal, RefusalError } from '../lib/core/errors.ts';
import { runProgram } from '../lib/config/run-program.ts';
import { runSite } from './run-site.ts';

/** The production agent: knows no simulated platform, and no real one yet (docs/limitations.md). */
await runProgram((configPath, stop) =>
  runSite(configPath, {
    stop,
    open: ({ simulation }) => {
      if (simulation !== undefined)
        throw new RefusalError(refusal('E-ATTEST-SIMULATED', 'simulation: settings in a production program'));
      throw new RefusalError(refusal('E-ATTEST-PLATFORM', 'no attester for this machine'));
    },
  }),
);
