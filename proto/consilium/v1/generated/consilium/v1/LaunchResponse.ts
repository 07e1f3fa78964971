// Original file: proto/consilium/v1/study.proto


export interface LaunchResponse {
}

export interface LaunchResponse__Output {
}
