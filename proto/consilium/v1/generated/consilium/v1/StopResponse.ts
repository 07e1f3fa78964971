// Original file: proto/consilium/v1/study.proto


export interface StopResponse {
}

export interface StopResponse__Output {
}
