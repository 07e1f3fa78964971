// Original file: proto/consilium/v1/study.proto


export interface LaunchRequest {
  'rounds'?: (number);
  '_rounds'?: "rounds";
}

export interface LaunchRequest__Output {
  'rounds'?: (number);
  '_rounds'?: "rounds";
}
