/** What a run tells its watcher, one object per event; with --json exactly this, one per line. */
export type ProgressEvent =
  /** A new stage of the whole run, in plain words. */
  | { readonly type: 'phase'; readonly text: string }
  | {
      readonly type: 'round';
      readonly round: number;
      readonly rounds: number;
      /** Counts from 1 within a round. */
      readonly attempt: number;
      readonly phase: string;
    }
  | { readonly type: 'site'; readonly site: string; readonly round: number; readonly step: string }
  | {
      readonly type: 'released';
      readonly round: number;
      /** From the opening of the round to its release, milliseconds. */
      readonly ms: number;
      /** Log-loss and AUC on test rows; absent when nobody may compute them. */
      readonly loss?: number | undefined;
      readonly auc?: number | undefined;
    }
  | { readonly type: 'aborted'; readonly round: number; readonly attempt: number; readonly code: string }
  | {
      readonly type: 'fault';
      /** The flag that asked for it, as it was typed. */
      readonly asked: string;
      readonly state: 'struck' | 'over';
      /** Round under way; 0 before the first. */
      readonly round: number;
      /** In plain words. */
      readonly detail: string;
    }
  | {
      readonly type: 'process';
      readonly name: string;
      readonly state: 'started' | 'stopped' | 'died' | 'restarted';
      readonly detail?: string | undefined;
    };

/** Shows a run while it happens. `close` leaves the terminal tidy; events after it are ignored. */
export interface Progress {
  show(event: ProgressEvent): void;
  close(): void;
}
