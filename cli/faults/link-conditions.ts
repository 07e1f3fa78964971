/** Which way bytes travel: from the side that dialled, or back to it. */
export type Direction = 'toServer' | 'toClient';

/** How a line behaves until it is told otherwise. */
export interface LinkConditions {
  /** Added to every chunk, each way, milliseconds; order is kept. */
  readonly delayMs: number;
  /** The delay of a chunk is uniform in `delayMs ± jitterMs`, and never below 0. */
  readonly jitterMs: number;
  /** Each way and for each connection; null: as fast as it goes. */
  readonly bytesPerSecond: number | null;
  /**
   * `refused`: connections that stand are reset and new ones too. `silent`: connections stand and new ones are taken,
   * and nothing travels; what waits goes on when the line is `open` again, as TCP sends lost packets again.
   */
  readonly reach: 'open' | 'refused' | 'silent';
}

export const CLEAR: LinkConditions = { delayMs: 0, jitterMs: 0, bytesPerSecond: null, reach: 'open' };

/** What happens once, to the next chunk: one bit flipped, the chunk sent twice, its two parts exchanged. */
export type Mangling = 'tamper' | 'duplicate' | 'reorder';

/** What a line did since it was laid. */
export interface LinkCounts {
  /** Connections that were accepted and passed on. */
  readonly connections: number;
  /** Connections reset while the line was `refused`: standing ones and new ones. */
  readonly refused: number;
  /** Connections reset by `cut`. */
  readonly cut: number;
  /** Connections whose server could not be reached. */
  readonly unreachable: number;
  /** Bytes that came out at the other end. */
  readonly forwarded: Readonly<Record<Direction, number>>;
  /** Chunks that were held back by a delay. */
  readonly delayed: number;
  readonly mangled: Readonly<Record<Mangling, number>>;
}
