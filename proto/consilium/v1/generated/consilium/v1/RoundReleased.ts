// Original file: proto/consilium/v1/study.proto


export interface RoundReleased {
  'round'?: (number);
  'attempt'?: (number);
  '_round'?: "round";
  '_attempt'?: "attempt";
}

export interface RoundReleased__Output {
  'round'?: (number);
  'attempt'?: (number);
  '_round'?: "round";
  '_attempt'?: "attempt";
}
