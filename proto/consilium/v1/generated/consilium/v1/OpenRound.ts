// Original file: proto/consilium/v1/control.proto


export interface OpenRound {
}

export interface OpenRound__Output {
}
