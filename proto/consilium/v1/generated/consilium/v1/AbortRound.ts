// Original file: proto/consilium/v1/control.proto


export interface AbortRound {
}

export interface AbortRound__Output {
}
