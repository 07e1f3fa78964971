// Original file: proto/consilium/v1/control.proto


export interface GetStatementsResponse {
  'statements'?: (Buffer | Uint8Array | string)[];
}

export interface GetStatementsResponse__Output {
  'statements': (Buffer)[];
}
