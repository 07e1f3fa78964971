// Original file: proto/consilium/v1/control.proto


export interface PublicationRenewed {
  'evidence'?: (Buffer | Uint8Array | string);
}

export interface PublicationRenewed__Output {
  'evidence': (Buffer);
}
