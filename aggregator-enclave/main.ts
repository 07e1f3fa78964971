import { refusal, RefusalError } from '../lib/core/errors.ts';
import { runProgram } from '../lib/config/run-program.ts';
import { runEnclave } from './host/run-enclave.ts';

/** The production enclave: knows no simulated platform, and no real one yet (docs/limitations.md). */
await runProgram((configPath, stop) =>
  runEnclave(configPath, {
    environment: 'production',
    stop,
    open: ({ simulation }) => {
      if (simulation !== undefined)
        throw new RefusalError(refusal('E-ATTEST-SIMULATED', 'simulation: settings in a production program'));
      throw new RefusalError(refusal('E-ATTEST-PLATFORM', 'no attester for this machine'));
    },
  }),
);
