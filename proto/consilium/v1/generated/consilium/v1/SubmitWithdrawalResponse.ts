// Original file: proto/consilium/v1/study.proto


export interface SubmitWithdrawalResponse {
}

export interface SubmitWithdrawalResponse__Output {
}
