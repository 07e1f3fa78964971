// Original file: proto/consilium/v1/study.proto


export interface GetContractResponse {
  'contract'?: (Buffer | Uint8Array | string);
  'approvals'?: (Buffer | Uint8Array | string)[];
}

export interface GetContractResponse__Output {
  'contract': (Buffer);
  'approvals': (Buffer)[];
}
