// Original file: proto/consilium/v1/study.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchStudyRequest {
  'fromSequence'?: (number | string | Long);
  '_fromSequence'?: "fromSequence";
}

export interface WatchStudyRequest__Output {
  'fromSequence'?: (number);
  '_fromSequence'?: "fromSequence";
}
