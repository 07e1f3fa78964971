import type { StudyEvent } from '../lib/wire/study-codec.ts';
import type { NoticeOf } from '../lib/wire/event-log.ts';
import type { CoordinatorEvent } from './event.ts';

/** What researchers and hospitals are told of a coordinator's event; null: nothing. */
export function studyNotice(event: CoordinatorEvent): NoticeOf<StudyEvent> | null {
  switch (event.type) {
    case 'approval-recorded':
    case 'withdrawal-recorded':
    case 'site-seen':
    case 'attempt-learned':
    case 'action-requested':
      return null;
    case 'launched':
      return { kind: 'phaseChanged', phase: 'gathering' };
    case 'round-requested':
      return { kind: 'roundPhase', round: event.round, attempt: event.attempt, phase: 'opening' };
    case 'step-started':
    case 'attempt-adopted':
      return { kind: 'roundPhase', round: event.round, attempt: event.attempt, phase: event.step };
    case 'site-advanced':
      return {
        kind: 'siteProgress',
        organisation: event.organisation,
        round: event.round,
        attempt: event.attempt,
        step: event.step,
      };
    case 'round-released':
      return { kind: 'roundReleased', round: event.round, attempt: event.attempt };
    case 'round-aborted':
      return { kind: 'roundAborted', round: event.round, attempt: event.attempt, code: event.code };
    case 'study-ended':
      return { kind: 'studyFinished', outcome: event.outcome, code: null };
    case 'study-failed':
      return { kind: 'studyFinished', outcome: 'failed', code: event.code };
  }
}
