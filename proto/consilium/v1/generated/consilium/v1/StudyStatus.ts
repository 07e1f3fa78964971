// Original file: proto/consilium/v1/study.proto

import type { SiteStatus as _consilium_v1_SiteStatus, SiteStatus__Output as _consilium_v1_SiteStatus__Output } from '../../consilium/v1/SiteStatus.ts';

export interface StudyStatus {
  'phase'?: (string);
  'round'?: (number);
  'rounds'?: (number);
  'sites'?: (_consilium_v1_SiteStatus)[];
  'code'?: (string);
  '_round'?: "round";
  '_rounds'?: "rounds";
}

export interface StudyStatus__Output {
  'phase': (string);
  'round'?: (number);
  'rounds'?: (number);
  'sites': (_consilium_v1_SiteStatus__Output)[];
  'code': (string);
  '_round'?: "round";
  '_rounds'?: "rounds";
}
