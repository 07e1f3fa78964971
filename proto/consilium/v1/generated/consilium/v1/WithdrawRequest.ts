// Original file: proto/consilium/v1/control.proto


export interface WithdrawRequest {
  'withdrawal'?: (Buffer | Uint8Array | string);
}

export interface WithdrawRequest__Output {
  'withdrawal': (Buffer);
}
