import type { Placement } from '../setup/choose-noise.ts';
import type { FaultRequest } from '../faults/fault-request.ts';

/** What `consilium simulate` was asked for, checked. */
export interface SimulationOptions {
  /** Folder of hospital files; null: the generated cohorts. */
  readonly data: string | null;
  readonly study: string;
  readonly rounds: number | null;
  /** null: as the study is best run (`usualPlacement`). */
  readonly noise: Placement | null;
  /** Targets over the whole study; null: as the study file says. */
  readonly epsilon: number | null;
  readonly delta: number | null;
  /** null: everything from the CSPRNG. */
  readonly seed: string | null;
  readonly out: string;
  /** Keep keys, configurations, stores and logs after the run. */
  readonly keep: boolean;
  /** Number of hospitals wanted; null: as many as there are files. */
  readonly sites: number | null;
  /** Divide the rows among `sites` made-up hospitals. */
  readonly split: boolean;
  /** Sites dial the enclave themselves instead of through the coordinator. */
  readonly direct: boolean;
  /** What the simulated chip of a party (`enclave` or a hospital's id) lies about, as chip-arguments.ts reads it. */
  readonly lies: readonly { readonly party: string; readonly lie: string }[];
  readonly faults: readonly FaultRequest[];
  readonly backend: 'tensorflow' | 'wasm' | 'cpu' | null;
}
