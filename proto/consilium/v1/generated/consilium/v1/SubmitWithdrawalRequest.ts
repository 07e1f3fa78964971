// Original file: proto/consilium/v1/study.proto


export interface SubmitWithdrawalRequest {
  'withdrawal'?: (Buffer | Uint8Array | string);
}

export interface SubmitWithdrawalRequest__Output {
  'withdrawal': (Buffer);
}
