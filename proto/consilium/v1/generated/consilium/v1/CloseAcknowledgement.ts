// Original file: proto/consilium/v1/control.proto


export interface CloseAcknowledgement {
}

export interface CloseAcknowledgement__Output {
}
