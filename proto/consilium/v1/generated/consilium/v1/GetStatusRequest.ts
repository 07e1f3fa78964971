// Original file: proto/consilium/v1/study.proto


export interface GetStatusRequest {
}

export interface GetStatusRequest__Output {
}
