// Original file: proto/consilium/v1/control.proto


export interface ApprovalRecorded {
  'organisation'?: (string);
  'approval'?: (Buffer | Uint8Array | string);
}

export interface ApprovalRecorded__Output {
  'organisation': (string);
  'approval': (Buffer);
}
