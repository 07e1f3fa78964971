import type { Progress } from '../output/progress-event.ts';
import { duration, listed } from '../report/format.ts';
import { FaultDirector } from './fault-director.ts';
import type { FaultKind, FaultRequest } from './fault-request.ts';
import type { FaultyNetwork } from './faulty-network.ts';

interface Parts {
  readonly network: FaultyNetwork;
  readonly kill: (party: string) => void;
  readonly progress: Progress;
  /** Of the run, on the clock of `performance.now()`. */
  readonly startedAt: number;
}

/** A director whose doings are shown as they happen. */
export const shownFaults = (
  faults: readonly FaultRequest[],
  { network, kill, progress, startedAt }: Parts,
): FaultDirector =>
  new FaultDirector(faults, {
    network,
    kill,
    elapsedMs: () => performance.now() - startedAt,
    onStruck: ({ asked, kind, parties }, { round, attempt, phase }) => {
      const when = round === 0 ? 'from the start' : `round ${round}, attempt ${attempt}, ${phase}`;
      progress.show({
        type: 'fault',
        asked,
        state: 'struck',
        round,
        detail: `${listed(parties)} ${SUFFERS[kind]}: ${when}`,
      });
    },
    onOver: ({ asked, parties, kind }, { round, lastedMs }) => {
      const what = kind === 'kill' ? 'started again' : 'has its network back';
      progress.show({
        type: 'fault',
        asked,
        state: 'over',
        round,
        detail: `${listed(parties)} ${what} after ${duration(lastedMs)}`,
      });
    },
  });

const SUFFERS: Readonly<Record<FaultKind, string>> = {
  drop: 'cut off',
  partition: 'unreachable, packets vanish',
  kill: 'killed',
  tamper: 'has one bit flipped on the way out',
  duplicate: 'has a chunk sent twice',
  reorder: 'has two chunks exchanged',
  cut: 'has its connections reset',
  slow: 'slowed',
  latency: 'slowed',
};
