// Original file: proto/consilium/v1/control.proto


export interface AcknowledgementReceived {
  'organisation'?: (string);
  'round'?: (number);
  'attempt'?: (number);
  '_round'?: "round";
  '_attempt'?: "attempt";
}

export interface AcknowledgementReceived__Output {
  'organisation': (string);
  'round'?: (number);
  'attempt'?: (number);
  '_round'?: "round";
  '_attempt'?: "attempt";
}
