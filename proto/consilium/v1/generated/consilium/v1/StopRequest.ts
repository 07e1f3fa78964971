// Original file: proto/consilium/v1/study.proto


export interface StopRequest {
  'reason'?: (string);
}

export interface StopRequest__Output {
  'reason': (string);
}
