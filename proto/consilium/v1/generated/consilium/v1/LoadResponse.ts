// Original file: proto/consilium/v1/control.proto

import type { Long } from '@grpc/proto-loader';

export interface LoadResponse {
  'genesisDigest'?: (Buffer | Uint8Array | string);
  'counter'?: (number | string | Long);
  '_counter'?: "counter";
}

export interface LoadResponse__Output {
  'genesisDigest': (Buffer);
  'counter'?: (number);
  '_counter'?: "counter";
}
