// Original file: proto/consilium/v1/control.proto


export interface SessionOpened {
  'organisation'?: (string);
}

export interface SessionOpened__Output {
  'organisation': (string);
}
