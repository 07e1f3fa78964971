import { refusal } from '../core/errors.ts';
import { err, ok } from '../core/result.ts';
import { healthMethods, type ServingStatus } from './health-codec.ts';
import { tableService, type WireService } from './service.ts';

/** The state that probes of a server see. */
export interface Health {
  readonly service: WireService;
  /** `name`: a full service name, or empty for the server as a whole. */
  set(name: string, serving: boolean): void;
}

/** grpc.health.v1: Check refuses a service it was never told of (NOT_FOUND); Watch says SERVICE_UNKNOWN and waits. */
export function createHealth(): Health {
  const known = new Map<string, ServingStatus>();
  const watchers = new Set<() => void>();

  async function* changes(name: string, signal: AbortSignal): AsyncGenerator<{ status: ServingStatus }> {
    let told: ServingStatus | null = null;
    while (!signal.aborted) {
      const status = known.get(name) ?? 'SERVICE_UNKNOWN';
      if (status === told) await change(watchers, signal);
      else yield { status };
      told = status;
    }
  }

  const service = tableService(healthMethods, {
    check: async ({ service: name }) => {
      const status = known.get(name);
      return status === undefined ? err(refusal('E-SERVICE-UNKNOWN')) : ok({ status });
    },
    watch: async ({ service: name }, { signal }) => ok(changes(name, signal)),
  });
  const set = (name: string, serving: boolean): void => {
    known.set(name, serving ? 'SERVING' : 'NOT_SERVING');
    for (const wake of [...watchers]) wake();
  };
  return { service, set };
}

/** Resolves at the next change or at abort, and leaves no watcher behind. */
function change(watchers: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      watchers.delete(wake);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    watchers.add(wake);
    signal.addEventListener('abort', wake);
  });
}
