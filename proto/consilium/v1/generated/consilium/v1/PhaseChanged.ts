// Original file: proto/consilium/v1/study.proto


export interface PhaseChanged {
  'phase'?: (string);
}

export interface PhaseChanged__Output {
  'phase': (string);
}
