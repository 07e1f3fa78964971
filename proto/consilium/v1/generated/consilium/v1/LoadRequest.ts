// Original file: proto/consilium/v1/control.proto


export interface LoadRequest {
  'contract'?: (Buffer | Uint8Array | string);
  'approvals'?: (Buffer | Uint8Array | string)[];
  'predecessor'?: (Buffer | Uint8Array | string);
}

export interface LoadRequest__Output {
  'contract': (Buffer);
  'approvals': (Buffer)[];
  'predecessor': (Buffer);
}
