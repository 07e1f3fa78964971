// Original file: proto/consilium/v1/control.proto


export interface Halted {
  'code'?: (string);
  'detail'?: (string);
}

export interface Halted__Output {
  'code': (string);
  'detail': (string);
}
