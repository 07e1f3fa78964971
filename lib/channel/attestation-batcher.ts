import type { Attester } from '../attestation/attester.ts';
import type { Binder } from '../attestation/binder.ts';
import { BinderTree, MAX_LEAVES, type BinderPath } from '../attestation/binder-tree.ts';
import { ReportData } from '../attestation/report-data.ts';
import type { ChannelClock } from './clock.ts';

const DEFAULT_WINDOW_MS = 10;

export interface BoundEvidence {
  /** Evidence envelope, shared by all binders of the batch. */
  readonly evidence: Uint8Array;
  /** From this binder to the report data of that evidence. */
  readonly path: BinderPath;
}

/** Attests binders, and nothing else. */
export interface BinderAttester {
  /** Rejects like `Attester.attest`. */
  attest(binder: Binder): Promise<BoundEvidence>;
}

export interface AttestationBatcherOptions {
  readonly attester: Attester;
  readonly clock: ChannelClock;
  /** How long the first binder waits for company; the time of a quote on real hardware is 5 to 100 ms. */
  readonly windowMs?: number;
}

interface Waiting {
  readonly binder: Binder;
  readonly resolve: (bound: BoundEvidence) => void;
  readonly reject: (fault: unknown) => void;
}

/** One quote for all binders that wait at the same moment, each with its Merkle path (PROTOCOL §4.3). */
export function attestationBatcher({
  attester,
  clock,
  windowMs = DEFAULT_WINDOW_MS,
}: AttestationBatcherOptions): BinderAttester {
  let waiting: Waiting[] = [];

  async function flush(): Promise<void> {
    const batch = waiting;
    waiting = [];
    try {
      const evidence = await attester.attest(ReportData.ofBinders(batch.map(({ binder }) => binder)));
      const tree = new BinderTree(batch.map(({ binder }) => binder.bytes));
      batch.forEach(({ resolve }, index) => {
        resolve({ evidence, path: tree.path(index) });
      });
    } catch (fault) {
      for (const { reject } of batch) reject(fault);
    }
  }

  return {
    attest: (binder) =>
      new Promise((resolve, reject) => {
        waiting.push({ binder, resolve, reject });
        if (waiting.length === MAX_LEAVES) void flush();
        else if (waiting.length === 1) clock.after(windowMs, () => void (waiting.length > 0 && flush()));
      }),
  };
}
