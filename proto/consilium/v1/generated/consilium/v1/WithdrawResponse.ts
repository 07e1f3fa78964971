// Original file: proto/consilium/v1/control.proto


export interface WithdrawResponse {
}

export interface WithdrawResponse__Output {
}
