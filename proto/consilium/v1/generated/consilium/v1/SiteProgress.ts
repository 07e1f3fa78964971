// Original file: proto/consilium/v1/study.proto


export interface SiteProgress {
  'organisation'?: (string);
  'round'?: (number);
  'attempt'?: (number);
  'step'?: (string);
  '_round'?: "round";
  '_attempt'?: "attempt";
}

export interface SiteProgress__Output {
  'organisation': (string);
  'round'?: (number);
  'attempt'?: (number);
  'step': (string);
  '_round'?: "round";
  '_attempt'?: "attempt";
}
