// Original file: proto/consilium/v1/study.proto


export interface RoundReleased {
  'round'?: (number);
  'statement'?: (Buffer | Uint8Array | string);
  '_round'?: "round";
}

export interface RoundReleased__Output {
  'round'?: (number);
  'statement': (Buffer);
  '_round'?: "round";
}
