import type { Attester } from '../lib/attestation/attester.ts';
import type { Environment } from '../lib/attestation/appraise.ts';
import type { VerifierRegistry } from '../lib/attestation/verifier.ts';
import type { ChannelClock } from '../lib/channel/clock.ts';
import type { DeviceAttester } from '../lib/channel/evidence-exchange.ts';
import type { Random } from '../lib/channel/random.ts';
import type { StudyRandom } from '../lib/core/study-random.ts';

/** What an entry point knows and this program does not: the platform. */
export interface SitePlatform {
  readonly environment: Environment;
  readonly attester: Attester;
  /** Of the GPUs that it trains on; absent: none attests. */
  readonly devices?: DeviceAttester;
  readonly verifiers: VerifierRegistry;
  readonly random: Random;
  readonly studyRandom: StudyRandom;
  readonly clock: ChannelClock;
}
