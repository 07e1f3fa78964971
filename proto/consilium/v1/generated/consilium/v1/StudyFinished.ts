// Original file: proto/consilium/v1/study.proto


export interface StudyFinished {
  'outcome'?: (string);
  'code'?: (string);
}

export interface StudyFinished__Output {
  'outcome': (string);
  'code': (string);
}
