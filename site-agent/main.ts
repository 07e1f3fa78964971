import { runProgram } from '../lib/config/run-program.ts';
import { refuseSimulation } from '../lib/hardware/refuse-simulation.ts';
import { openHardwarePlatform } from '../lib/hardware/hardware-platform.ts';
import { THIS_MACHINE } from '../lib/hardware/this-machine.ts';
import { runSite } from './run-site.ts';

/** The production agent, on real hardware: knows no simulated platform. */
await runProgram((configPath, stop) =>
  runSite(configPath, {
    stop,
    open: async ({ simulation, attestation: settings }, warn) => {
      refuseSimulation(simulation);
      return { ...(await openHardwarePlatform({ settings, warn, machine: THIS_MACHINE })), environment: 'production' };
    },
  }),
);
