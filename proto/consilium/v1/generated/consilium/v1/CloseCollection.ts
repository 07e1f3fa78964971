// Original file: proto/consilium/v1/control.proto


export interface CloseCollection {
}

export interface CloseCollection__Output {
}
