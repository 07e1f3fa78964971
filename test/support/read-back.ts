import { decodeEvent, encodeEvent } from '../../aggregator-enclave/event-codec.ts';
import { isDurable, type EnclaveEvent } from '../../aggregator-enclave/event.ts';
import { evolve } from '../../aggregator-enclave/evolve.ts';
import {
  INITIAL_STATE,
  modelsOf,
  type CurrentModel,
  type EnclaveEnvironment,
  type EnclaveState,
} from '../../aggregator-enclave/state.ts';
import { bytesEqual } from '../../lib/core/bytes.ts';
import { must } from './study-in-memory.ts';

/** The state of a boot that finds `log` in its store: durable events decoded from their bytes, then what it needs of the models. */
export function readBack(environment: EnclaveEnvironment, log: readonly EnclaveEvent[]): EnclaveState {
  const stored = log.filter(isDurable).map((event) => must(decodeEvent(encodeEvent(event))));
  const folded = stored.reduce<EnclaveState>((state, event) => evolve(environment, state, event), INITIAL_STATE);
  return modelsOf(folded).reduce(
    (state, { fixedBy }) =>
      evolve(environment, state, { type: 'model-loaded', fixedBy, content: keptAs(fixedBy, log) }),
    folded,
  );
}

function keptAs(fixedBy: Uint8Array, log: readonly EnclaveEvent[]): NonNullable<CurrentModel['content']> {
  const contents = log.flatMap((event) => {
    if (event.type !== 'born' && event.type !== 'result-sealed') return [];
    const content = event.type === 'born' ? event.content : event.result.model.content;
    return content !== null && bytesEqual(event.statement.digest, fixedBy) ? [content] : [];
  });
  const [content] = contents;
  if (content === undefined) throw new Error('a model that the log does not hold');
  return content;
}
