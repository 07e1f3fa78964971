// Original file: proto/consilium/v1/control.proto


export interface LoadResponse {
  'genesisDigest'?: (Buffer | Uint8Array | string);
}

export interface LoadResponse__Output {
  'genesisDigest': (Buffer);
}
