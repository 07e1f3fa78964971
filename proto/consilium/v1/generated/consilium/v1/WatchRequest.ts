// Original file: proto/consilium/v1/control.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchRequest {
  'fromSequence'?: (number | string | Long);
  '_fromSequence'?: "fromSequence";
}

export interface WatchRequest__Output {
  'fromSequence'?: (number);
  '_fromSequence'?: "fromSequence";
}
