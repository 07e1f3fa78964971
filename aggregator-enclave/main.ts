import { runProgram } from '../lib/config/run-program.ts';
import { refuseSimulation } from '../lib/hardware/refuse-simulation.ts';
import { openHardwareEnclavePlatform } from '../lib/hardware/hardware-platform.ts';
import { THIS_MACHINE } from '../lib/hardware/this-machine.ts';
import { runEnclave } from './host/run-enclave.ts';

/** The production enclave, on real hardware: knows no simulated platform. */
await runProgram((configPath, stop) =>
  runEnclave(configPath, {
    environment: 'production',
    stop,
    open: ({ simulation, attestation: settings }, warn) => {
      refuseSimulation(simulation);
      return openHardwareEnclavePlatform({ settings, warn, machine: THIS_MACHINE });
    },
  }),
);
