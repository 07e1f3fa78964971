// Original file: proto/consilium/v1/control.proto


export interface UpdateReceived {
  'organisation'?: (string);
  'round'?: (number);
  'attempt'?: (number);
  '_round'?: "round";
  '_attempt'?: "attempt";
}

export interface UpdateReceived__Output {
  'organisation': (string);
  'round'?: (number);
  'attempt'?: (number);
  '_round'?: "round";
  '_attempt'?: "attempt";
}
