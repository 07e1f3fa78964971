// Original file: proto/consilium/v1/control.proto

import type { OpenRound as _consilium_v1_OpenRound, OpenRound__Output as _consilium_v1_OpenRound__Output } from '../../consilium/v1/OpenRound.ts';
import type { LockCohort as _consilium_v1_LockCohort, LockCohort__Output as _consilium_v1_LockCohort__Output } from '../../consilium/v1/LockCohort.ts';
import type { CloseCollection as _consilium_v1_CloseCollection, CloseCollection__Output as _consilium_v1_CloseCollection__Output } from '../../consilium/v1/CloseCollection.ts';
import type { CloseAcknowledgement as _consilium_v1_CloseAcknowledgement, CloseAcknowledgement__Output as _consilium_v1_CloseAcknowledgement__Output } from '../../consilium/v1/CloseAcknowledgement.ts';
import type { AbortRound as _consilium_v1_AbortRound, AbortRound__Output as _consilium_v1_AbortRound__Output } from '../../consilium/v1/AbortRound.ts';

export interface AdvanceRequest {
  'openRound'?: (_consilium_v1_OpenRound | null);
  'lockCohort'?: (_consilium_v1_LockCohort | null);
  'closeCollection'?: (_consilium_v1_CloseCollection | null);
  'closeAcknowledgement'?: (_consilium_v1_CloseAcknowledgement | null);
  'abortRound'?: (_consilium_v1_AbortRound | null);
  'round'?: (number);
  'attempt'?: (number);
  'action'?: "openRound"|"lockCohort"|"closeCollection"|"closeAcknowledgement"|"abortRound";
  '_round'?: "round";
  '_attempt'?: "attempt";
}

export interface AdvanceRequest__Output {
  'openRound'?: (_consilium_v1_OpenRound__Output | null);
  'lockCohort'?: (_consilium_v1_LockCohort__Output | null);
  'closeCollection'?: (_consilium_v1_CloseCollection__Output | null);
  'closeAcknowledgement'?: (_consilium_v1_CloseAcknowledgement__Output | null);
  'abortRound'?: (_consilium_v1_AbortRound__Output | null);
  'round'?: (number);
  'attempt'?: (number);
  'action'?: "openRound"|"lockCohort"|"closeCollection"|"closeAcknowledgement"|"abortRound";
  '_round'?: "round";
  '_attempt'?: "attempt";
}
