// Original file: proto/consilium/v1/control.proto


export interface WithdrawalRecorded {
  'organisation'?: (string);
  'withdrawal'?: (Buffer | Uint8Array | string);
}

export interface WithdrawalRecorded__Output {
  'organisation': (string);
  'withdrawal': (Buffer);
}
