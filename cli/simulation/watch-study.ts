import type { SealedContract } from '../../lib/contract/study-contract.ts';
import type { ErrorCode } from '../../lib/core/errors.ts';
import type { Connection } from '../../lib/wire/connection.ts';
import type { StudyEvent } from '../../lib/wire/study-codec.ts';
import type { Progress } from '../output/progress-event.ts';
import { studyEvents } from './study-events.ts';

/** What was seen of one released round. */
export interface WatchedRound {
  readonly round: number;
  readonly attempt: number;
  /** From its opening to its release; 0 when the opening was missed. */
  readonly ms: number;
  /** Organisations whose updates were seen to arrive. */
  readonly participants: readonly string[];
}

export interface WatchedStudy {
  readonly outcome: string;
  readonly code: ErrorCode | null;
  readonly rounds: readonly WatchedRound[];
}

interface Parts {
  readonly connection: Connection;
  readonly sealed: SealedContract;
  readonly progress: Progress;
  readonly onReleased: (round: number) => Promise<{ loss?: number; auc?: number }>;
  /** Before the study is watched anew, behind a loss. */
  readonly onLost: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Follows a study as a researcher would, through every loss of the coordinator, until it ends or `signal` aborts. */
export async function watchStudy(parts: Parts): Promise<WatchedStudy | null> {
  const { connection, signal, onLost } = parts;
  const watcher = new StudyWatcher(parts);
  for await (const event of studyEvents(connection, { signal, onLost })) {
    await watcher.see(event);
    if (watcher.ended !== null) return watcher.ended;
  }
  return null;
}

class StudyWatcher {
  readonly #parts: Parts;
  readonly #openedAt = new Map<string, number>();
  readonly #members = new Map<number, Set<string>>();
  readonly #rounds: WatchedRound[] = [];
  ended: WatchedStudy | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async see(event: StudyEvent): Promise<void> {
    const { progress, sealed } = this.#parts;
    switch (event.kind) {
      case 'phaseChanged':
        return;
      case 'roundPhase':
        this.#onPhase(event);
        progress.show({
          type: 'round',
          round: event.round,
          rounds: sealed.contract.rounds,
          attempt: event.attempt,
          phase: event.phase,
        });
        return;
      case 'siteProgress':
        if (event.step === 'upload') this.#member(event.round, event.organisation);
        progress.show({
          type: 'site',
          site: event.organisation,
          round: event.round,
          step: STEPS.get(event.step) ?? event.step,
        });
        return;
      case 'roundReleased':
        await this.#onReleased(event);
        return;
      case 'roundAborted':
        this.#members.delete(event.round);
        progress.show({ type: 'aborted', round: event.round, attempt: event.attempt, code: event.code });
        return;
      case 'studyFinished':
        this.ended = { outcome: event.outcome, code: event.code, rounds: this.#rounds };
        return;
    }
  }

  #onPhase({ round, attempt, phase }: { round: number; attempt: number; phase: string }): void {
    if (phase === 'opening') this.#openedAt.set(`${round}/${attempt}`, performance.now());
  }

  #member(round: number, organisation: string): void {
    const members = this.#members.get(round) ?? new Set<string>();
    this.#members.set(round, members.add(organisation));
  }

  async #onReleased({ round, attempt }: { round: number; attempt: number }): Promise<void> {
    const { progress, onReleased } = this.#parts;
    const ms = performance.now() - (this.#openedAt.get(`${round}/${attempt}`) ?? performance.now());
    this.#rounds.push({ round, attempt, ms, participants: [...(this.#members.get(round) ?? [])].sort() });
    progress.show({ type: 'released', round, ms, ...(await onReleased(round)) });
  }
}

const STEPS: ReadonlyMap<string, string> = new Map([
  ['commit', 'committed'],
  ['upload', 'update received'],
  ['acknowledge', 'acknowledged'],
]);
