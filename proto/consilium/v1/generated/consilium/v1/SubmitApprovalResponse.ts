// Original file: proto/consilium/v1/study.proto


export interface SubmitApprovalResponse {
  'approvals'?: (number);
  'needed'?: (number);
  '_approvals'?: "approvals";
  '_needed'?: "needed";
}

export interface SubmitApprovalResponse__Output {
  'approvals'?: (number);
  'needed'?: (number);
  '_approvals'?: "approvals";
  '_needed'?: "needed";
}
