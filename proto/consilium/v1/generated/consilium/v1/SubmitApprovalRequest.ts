// Original file: proto/consilium/v1/study.proto


export interface SubmitApprovalRequest {
  'approval'?: (Buffer | Uint8Array | string);
}

export interface SubmitApprovalRequest__Output {
  'approval': (Buffer);
}
