// Original file: proto/consilium/v1/study.proto


export interface RoundAborted {
  'round'?: (number);
  'attempt'?: (number);
  'code'?: (string);
  '_round'?: "round";
  '_attempt'?: "attempt";
}

export interface RoundAborted__Output {
  'round'?: (number);
  'attempt'?: (number);
  'code': (string);
  '_round'?: "round";
  '_attempt'?: "attempt";
}
