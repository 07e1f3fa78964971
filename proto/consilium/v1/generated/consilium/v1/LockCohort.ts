// Original file: proto/consilium/v1/control.proto


export interface LockCohort {
}

export interface LockCohort__Output {
}
