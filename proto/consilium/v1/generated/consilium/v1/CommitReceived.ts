// Original file: proto/consilium/v1/control.proto


export interface CommitReceived {
  'organisation'?: (string);
  'round'?: (number);
  'attempt'?: (number);
  '_round'?: "round";
  '_attempt'?: "attempt";
}

export interface CommitReceived__Output {
  'organisation': (string);
  'round'?: (number);
  'attempt'?: (number);
  '_round'?: "round";
  '_attempt'?: "attempt";
}
