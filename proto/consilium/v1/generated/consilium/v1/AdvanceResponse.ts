// Original file: proto/consilium/v1/control.proto

import type { Long } from '@grpc/proto-loader';

export interface AdvanceResponse {
  'phase'?: (string);
  'counter'?: (number | string | Long);
  'headDigest'?: (Buffer | Uint8Array | string);
  '_counter'?: "counter";
}

export interface AdvanceResponse__Output {
  'phase': (string);
  'counter'?: (number);
  'headDigest': (Buffer);
  '_counter'?: "counter";
}
