// Original file: proto/consilium/v1/session.proto


export interface Frame {
  'payload'?: (Buffer | Uint8Array | string);
}

export interface Frame__Output {
  'payload': (Buffer);
}
