// Original file: proto/consilium/v1/control.proto


export interface Refused {
  'organisation'?: (string);
  'code'?: (string);
  'detail'?: (string);
}

export interface Refused__Output {
  'organisation': (string);
  'code': (string);
  'detail': (string);
}
