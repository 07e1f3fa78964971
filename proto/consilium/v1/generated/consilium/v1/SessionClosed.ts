// Original file: proto/consilium/v1/control.proto


export interface SessionClosed {
  'organisation'?: (string);
  'code'?: (string);
}

export interface SessionClosed__Output {
  'organisation': (string);
  'code': (string);
}
