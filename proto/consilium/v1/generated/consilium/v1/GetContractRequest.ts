// Original file: proto/consilium/v1/study.proto


export interface GetContractRequest {
}

export interface GetContractRequest__Output {
}
