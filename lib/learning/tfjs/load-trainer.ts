import { RefusalError, refusal } from '../../core/errors.ts';
import type { PassedOver, Trainer } from '../trainer.ts';
import { activate, BACKENDS, type BackendName } from './backends.ts';
import { exclusively } from './exclusively.ts';
import { silenceTensorflow } from './silence-tensorflow.ts';
import { tfjsTrainer } from './tfjs-trainer.ts';

/**
 * The first of `among` that starts, by default the fastest; `passedOver` tells why the earlier ones were not taken.
 * Throws RefusalError E-CONFIG when none is left.
 */
export async function loadTrainer(among: BackendName | readonly BackendName[] = BACKENDS): Promise<Trainer> {
  silenceTensorflow();
  const passedOver: PassedOver[] = [];
  for (const backend of typeof among === 'string' ? [among] : among) {
    try {
      await exclusively(activate[backend]);
      return tfjsTrainer(backend, passedOver);
    } catch (fault) {
      passedOver.push({ backend, reason: firstLine(fault) });
    }
  }
  const reasons = passedOver.map(({ backend, reason }) => `${backend}: ${reason}`).join('; ');
  throw new RefusalError(refusal('E-CONFIG', `no training backend starts (${reasons})`));
}

function firstLine(fault: unknown): string {
  const message = fault instanceof Error ? fault.message : String(fault);
  return message.split('\n', 1)[0] ?? '';
}
