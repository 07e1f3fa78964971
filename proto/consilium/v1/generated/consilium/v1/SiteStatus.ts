// Original file: proto/consilium/v1/study.proto

import type { Long } from '@grpc/proto-loader';

export interface SiteStatus {
  'organisation'?: (string);
  'approved'?: (boolean);
  'connected'?: (boolean);
  'lastSeenMs'?: (number | string | Long);
  'step'?: (string);
  '_approved'?: "approved";
  '_connected'?: "connected";
  '_lastSeenMs'?: "lastSeenMs";
}

export interface SiteStatus__Output {
  'organisation': (string);
  'approved'?: (boolean);
  'connected'?: (boolean);
  'lastSeenMs'?: (number);
  'step': (string);
  '_approved'?: "approved";
  '_connected'?: "connected";
  '_lastSeenMs'?: "lastSeenMs";
}
