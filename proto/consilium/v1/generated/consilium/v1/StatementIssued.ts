// Original file: proto/consilium/v1/control.proto


export interface StatementIssued {
  'statement'?: (Buffer | Uint8Array | string);
  'type'?: (string);
  'round'?: (number);
  'attempt'?: (number);
  '_round'?: "round";
  '_attempt'?: "attempt";
}

export interface StatementIssued__Output {
  'statement': (Buffer);
  'type': (string);
  'round'?: (number);
  'attempt'?: (number);
  '_round'?: "round";
  '_attempt'?: "attempt";
}
