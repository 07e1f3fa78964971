// Original file: proto/consilium/v1/study.proto

import type { PhaseChanged as _consilium_v1_PhaseChanged, PhaseChanged__Output as _consilium_v1_PhaseChanged__Output } from '../../consilium/v1/PhaseChanged.ts';
import type { RoundPhase as _consilium_v1_RoundPhase, RoundPhase__Output as _consilium_v1_RoundPhase__Output } from '../../consilium/v1/RoundPhase.ts';
import type { SiteProgress as _consilium_v1_SiteProgress, SiteProgress__Output as _consilium_v1_SiteProgress__Output } from '../../consilium/v1/SiteProgress.ts';
import type { RoundReleased as _consilium_v1_RoundReleased, RoundReleased__Output as _consilium_v1_RoundReleased__Output } from '../../consilium/v1/RoundReleased.ts';
import type { RoundAborted as _consilium_v1_RoundAborted, RoundAborted__Output as _consilium_v1_RoundAborted__Output } from '../../consilium/v1/RoundAborted.ts';
import type { StudyFinished as _consilium_v1_StudyFinished, StudyFinished__Output as _consilium_v1_StudyFinished__Output } from '../../consilium/v1/StudyFinished.ts';
import type { Long } from '@grpc/proto-loader';

export interface StudyEvent {
  'sequence'?: (number | string | Long);
  'atMs'?: (number | string | Long);
  'phaseChanged'?: (_consilium_v1_PhaseChanged | null);
  'roundPhase'?: (_consilium_v1_RoundPhase | null);
  'siteProgress'?: (_consilium_v1_SiteProgress | null);
  'roundReleased'?: (_consilium_v1_RoundReleased | null);
  'roundAborted'?: (_consilium_v1_RoundAborted | null);
  'studyFinished'?: (_consilium_v1_StudyFinished | null);
  '_sequence'?: "sequence";
  '_atMs'?: "atMs";
  'kind'?: "phaseChanged"|"roundPhase"|"siteProgress"|"roundReleased"|"roundAborted"|"studyFinished";
}

export interface StudyEvent__Output {
  'sequence'?: (number);
  'atMs'?: (number);
  'phaseChanged'?: (_consilium_v1_PhaseChanged__Output | null);
  'roundPhase'?: (_consilium_v1_RoundPhase__Output | null);
  'siteProgress'?: (_consilium_v1_SiteProgress__Output | null);
  'roundReleased'?: (_consilium_v1_RoundReleased__Output | null);
  'roundAborted'?: (_consilium_v1_RoundAborted__Output | null);
  'studyFinished'?: (_consilium_v1_StudyFinished__Output | null);
  '_sequence'?: "sequence";
  '_atMs'?: "atMs";
  'kind'?: "phaseChanged"|"roundPhase"|"siteProgress"|"roundReleased"|"roundAborted"|"studyFinished";
}
