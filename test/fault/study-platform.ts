import { SimulatedChip } from '../../lib/attestation/simulated/chip.ts';
import type { LoadedProgram } from '../../lib/attestation/simulated/chip.ts';
import { simulatedVerifier } from '../../lib/attestation/simulated/verify-simulated.ts';
import { verifierRegistry } from '../../lib/attestation/verifier.ts';
import type { ChannelClock } from '../../lib/channel/clock.ts';
import type { Random } from '../../lib/channel/random.ts';
import { instant, type Instant } from '../../lib/core/ids.ts';
import { seededStudyRandom } from '../../lib/core/study-random.ts';
import { createLogger } from '../../lib/telemetry/logger.ts';
import { digestOf } from '../support/test-contract.ts';

/** Time passes only when the study has nothing else to do: `Date` and the timers are Vitest's. */
export const virtualNow = (): Instant => instant(Date.now());

export const virtualClock: ChannelClock = {
  now: virtualNow,
  monotonicMs: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};

export const chipOf = (instance: string): SimulatedChip =>
  new SimulatedChip({ rootSeed: digestOf('chip root'), instance, now: virtualNow });

export const verifiers = verifierRegistry([simulatedVerifier({ roots: [chipOf('any').root] })]);

export const program = (role: LoadedProgram['role']): LoadedProgram => ({ measurement: digestOf('program'), role });

export const SILENT = createLogger({ name: 'silent', level: 'silent', destination: { write: () => undefined } });

/** The same bytes in every run, other ones at every call: nothing that is drawn twice comes out alike. */
export function randomOf(label: string): Random {
  const draw = seededStudyRandom(digestOf(label));
  let drawn = 0;
  return (length) => {
    const bytes = new Uint8Array(length);
    for (let offset = 0; offset < length; offset += 32, drawn++)
      bytes.set(draw(String(drawn)).subarray(0, Math.min(32, length - offset)), offset);
    return bytes;
  };
}
