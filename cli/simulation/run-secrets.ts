import { systemRandom } from '../../lib/channel/random.ts';
import { utf8 } from '../../lib/core/bytes.ts';
import { hash } from '../../lib/core/hash.ts';
import { instant, type Instant } from '../../lib/core/ids.ts';

const FIXED_EPOCH = Date.UTC(2026, 0, 5, 8, 0, 0);
const DAY_SECONDS = 86_400;

/** Every secret of a simulated run, from the CSPRNG or all from one seed. */
export interface RunSecrets {
  readonly seeded: boolean;
  /** 32 bytes for a named purpose. */
  readonly secret: (purpose: string) => Uint8Array;
  /** Seeded: every statement bears this time; otherwise null. */
  readonly fixedTime: Instant | null;
  readonly now: () => Instant;
}

/** `seed`: any text; null: nothing can be repeated and nobody can guess anything. */
export function runSecrets(seed: string | null): RunSecrets {
  if (seed === null) {
    return { seeded: false, secret: () => systemRandom(32), fixedTime: null, now: () => instant(Date.now()) };
  }
  const root = hash('seed', utf8(seed));
  const secret = (purpose: string): Uint8Array => hash('seed', root, utf8(purpose));
  const [a = 0, b = 0] = secret('clock');
  const fixedTime = instant(FIXED_EPOCH + (((a << 8) | b) % DAY_SECONDS) * 1000);
  return { seeded: true, secret, fixedTime, now: () => fixedTime };
}
