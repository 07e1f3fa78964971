import { refusal, RefusalError } from '../core/errors.ts';

/** Throws RefusalError E-ATTEST-SIMULATED for a configuration with settings of the simulated platform. */
export function refuseSimulation(simulation: object | undefined): void {
  if (simulation === undefined) return;
  throw new RefusalError(refusal('E-ATTEST-SIMULATED', 'simulation: settings in a production program'));
}
