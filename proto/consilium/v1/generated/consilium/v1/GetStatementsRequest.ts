// Original file: proto/consilium/v1/control.proto

import type { Long } from '@grpc/proto-loader';

export interface GetStatementsRequest {
  'fromCounter'?: (number | string | Long);
  'limit'?: (number);
  '_fromCounter'?: "fromCounter";
  '_limit'?: "limit";
}

export interface GetStatementsRequest__Output {
  'fromCounter'?: (number);
  'limit'?: (number);
  '_fromCounter'?: "fromCounter";
  '_limit'?: "limit";
}
