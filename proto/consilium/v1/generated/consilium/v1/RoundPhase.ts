// Original file: proto/consilium/v1/study.proto


export interface RoundPhase {
  'round'?: (number);
  'attempt'?: (number);
  'phase'?: (string);
  '_round'?: "round";
  '_attempt'?: "attempt";
}

export interface RoundPhase__Output {
  'round'?: (number);
  'attempt'?: (number);
  'phase': (string);
  '_round'?: "round";
  '_attempt'?: "attempt";
}
