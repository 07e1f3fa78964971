// Original file: proto/consilium/v1/study.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetContractRequest as _consilium_v1_GetContractRequest, GetContractRequest__Output as _consilium_v1_GetContractRequest__Output } from '../../consilium/v1/GetContractRequest.ts';
import type { GetContractResponse as _consilium_v1_GetContractResponse, GetContractResponse__Output as _consilium_v1_GetContractResponse__Output } from '../../consilium/v1/GetContractResponse.ts';
import type { GetStatementsRequest as _consilium_v1_GetStatementsRequest, GetStatementsRequest__Output as _consilium_v1_GetStatementsRequest__Output } from '../../consilium/v1/GetStatementsRequest.ts';
import type { GetStatementsResponse as _consilium_v1_GetStatementsResponse, GetStatementsResponse__Output as _consilium_v1_GetStatementsResponse__Output } from '../../consilium/v1/GetStatementsResponse.ts';
import type { GetStatusRequest as _consilium_v1_GetStatusRequest, GetStatusRequest__Output as _consilium_v1_GetStatusRequest__Output } from '../../consilium/v1/GetStatusRequest.ts';
import type { LaunchRequest as _consilium_v1_LaunchRequest, LaunchRequest__Output as _consilium_v1_LaunchRequest__Output } from '../../consilium/v1/LaunchRequest.ts';
import type { LaunchResponse as _consilium_v1_LaunchResponse, LaunchResponse__Output as _consilium_v1_LaunchResponse__Output } from '../../consilium/v1/LaunchResponse.ts';
import type { StopRequest as _consilium_v1_StopRequest, StopRequest__Output as _consilium_v1_StopRequest__Output } from '../../consilium/v1/StopRequest.ts';
import type { StopResponse as _consilium_v1_StopResponse, StopResponse__Output as _consilium_v1_StopResponse__Output } from '../../consilium/v1/StopResponse.ts';
import type { StudyEvent as _consilium_v1_StudyEvent, StudyEvent__Output as _consilium_v1_StudyEvent__Output } from '../../consilium/v1/StudyEvent.ts';
import type { StudyStatus as _consilium_v1_StudyStatus, StudyStatus__Output as _consilium_v1_StudyStatus__Output } from '../../consilium/v1/StudyStatus.ts';
import type { SubmitApprovalRequest as _consilium_v1_SubmitApprovalRequest, SubmitApprovalRequest__Output as _consilium_v1_SubmitApprovalRequest__Output } from '../../consilium/v1/SubmitApprovalRequest.ts';
import type { SubmitApprovalResponse as _consilium_v1_SubmitApprovalResponse, SubmitApprovalResponse__Output as _consilium_v1_SubmitApprovalResponse__Output } from '../../consilium/v1/SubmitApprovalResponse.ts';
import type { SubmitWithdrawalRequest as _consilium_v1_SubmitWithdrawalRequest, SubmitWithdrawalRequest__Output as _consilium_v1_SubmitWithdrawalRequest__Output } from '../../consilium/v1/SubmitWithdrawalRequest.ts';
import type { SubmitWithdrawalResponse as _consilium_v1_SubmitWithdrawalResponse, SubmitWithdrawalResponse__Output as _consilium_v1_SubmitWithdrawalResponse__Output } from '../../consilium/v1/SubmitWithdrawalResponse.ts';
import type { WatchStudyRequest as _consilium_v1_WatchStudyRequest, WatchStudyRequest__Output as _consilium_v1_WatchStudyRequest__Output } from '../../consilium/v1/WatchStudyRequest.ts';

export interface StudyServiceClient extends grpc.Client {
  GetContract(argument: _consilium_v1_GetContractRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetContractResponse__Output>): grpc.ClientUnaryCall;
  GetContract(argument: _consilium_v1_GetContractRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_GetContractResponse__Output>): grpc.ClientUnaryCall;
  GetContract(argument: _consilium_v1_GetContractRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetContractResponse__Output>): grpc.ClientUnaryCall;
  GetContract(argument: _consilium_v1_GetContractRequest, callback: grpc.requestCallback<_consilium_v1_GetContractResponse__Output>): grpc.ClientUnaryCall;
  getContract(argument: _consilium_v1_GetContractRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetContractResponse__Output>): grpc.ClientUnaryCall;
  getContract(argument: _consilium_v1_GetContractRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_GetContractResponse__Output>): grpc.ClientUnaryCall;
  getContract(argument: _consilium_v1_GetContractRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetContractResponse__Output>): grpc.ClientUnaryCall;
  getContract(argument: _consilium_v1_GetContractRequest, callback: grpc.requestCallback<_consilium_v1_GetContractResponse__Output>): grpc.ClientUnaryCall;
  
  GetStatements(argument: _consilium_v1_GetStatementsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  GetStatements(argument: _consilium_v1_GetStatementsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  GetStatements(argument: _consilium_v1_GetStatementsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  GetStatements(argument: _consilium_v1_GetStatementsRequest, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  getStatements(argument: _consilium_v1_GetStatementsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  getStatements(argument: _consilium_v1_GetStatementsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  getStatements(argument: _consilium_v1_GetStatementsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  getStatements(argument: _consilium_v1_GetStatementsRequest, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  
  GetStatus(argument: _consilium_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_StudyStatus__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _consilium_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_StudyStatus__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _consilium_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_StudyStatus__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _consilium_v1_GetStatusRequest, callback: grpc.requestCallback<_consilium_v1_StudyStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _consilium_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_StudyStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _consilium_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_StudyStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _consilium_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_StudyStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _consilium_v1_GetStatusRequest, callback: grpc.requestCallback<_consilium_v1_StudyStatus__Output>): grpc.ClientUnaryCall;
  
  Launch(argument: _consilium_v1_LaunchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_LaunchResponse__Output>): grpc.ClientUnaryCall;
  Launch(argument: _consilium_v1_LaunchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_LaunchResponse__Output>): grpc.ClientUnaryCall;
  Launch(argument: _consilium_v1_LaunchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_LaunchResponse__Output>): grpc.ClientUnaryCall;
  Launch(argument: _consilium_v1_LaunchRequest, callback: grpc.requestCallback<_consilium_v1_LaunchResponse__Output>): grpc.ClientUnaryCall;
  launch(argument: _consilium_v1_LaunchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_LaunchResponse__Output>): grpc.ClientUnaryCall;
  launch(argument: _consilium_v1_LaunchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_LaunchResponse__Output>): grpc.ClientUnaryCall;
  launch(argument: _consilium_v1_LaunchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_LaunchResponse__Output>): grpc.ClientUnaryCall;
  launch(argument: _consilium_v1_LaunchRequest, callback: grpc.requestCallback<_consilium_v1_LaunchResponse__Output>): grpc.ClientUnaryCall;
  
  Stop(argument: _consilium_v1_StopRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_StopResponse__Output>): grpc.ClientUnaryCall;
  Stop(argument: _consilium_v1_StopRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_StopResponse__Output>): grpc.ClientUnaryCall;
  Stop(argument: _consilium_v1_StopRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_StopResponse__Output>): grpc.ClientUnaryCall;
  Stop(argument: _consilium_v1_StopRequest, callback: grpc.requestCallback<_consilium_v1_StopResponse__Output>): grpc.ClientUnaryCall;
  stop(argument: _consilium_v1_StopRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_StopResponse__Output>): grpc.ClientUnaryCall;
  stop(argument: _consilium_v1_StopRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_StopResponse__Output>): grpc.ClientUnaryCall;
  stop(argument: _consilium_v1_StopRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_StopResponse__Output>): grpc.ClientUnaryCall;
  stop(argument: _consilium_v1_StopRequest, callback: grpc.requestCallback<_consilium_v1_StopResponse__Output>): grpc.ClientUnaryCall;
  
  SubmitApproval(argument: _consilium_v1_SubmitApprovalRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_SubmitApprovalResponse__Output>): grpc.ClientUnaryCall;
  SubmitApproval(argument: _consilium_v1_SubmitApprovalRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_SubmitApprovalResponse__Output>): grpc.ClientUnaryCall;
  SubmitApproval(argument: _consilium_v1_SubmitApprovalRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_SubmitApprovalResponse__Output>): grpc.ClientUnaryCall;
  SubmitApproval(argument: _consilium_v1_SubmitApprovalRequest, callback: grpc.requestCallback<_consilium_v1_SubmitApprovalResponse__Output>): grpc.ClientUnaryCall;
  submitApproval(argument: _consilium_v1_SubmitApprovalRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_SubmitApprovalResponse__Output>): grpc.ClientUnaryCall;
  submitApproval(argument: _consilium_v1_SubmitApprovalRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_SubmitApprovalResponse__Output>): grpc.ClientUnaryCall;
  submitApproval(argument: _consilium_v1_SubmitApprovalRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_SubmitApprovalResponse__Output>): grpc.ClientUnaryCall;
  submitApproval(argument: _consilium_v1_SubmitApprovalRequest, callback: grpc.requestCallback<_consilium_v1_SubmitApprovalResponse__Output>): grpc.ClientUnaryCall;
  
  SubmitWithdrawal(argument: _consilium_v1_SubmitWithdrawalRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_SubmitWithdrawalResponse__Output>): grpc.ClientUnaryCall;
  SubmitWithdrawal(argument: _consilium_v1_SubmitWithdrawalRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_SubmitWithdrawalResponse__Output>): grpc.ClientUnaryCall;
  SubmitWithdrawal(argument: _consilium_v1_SubmitWithdrawalRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_SubmitWithdrawalResponse__Output>): grpc.ClientUnaryCall;
  SubmitWithdrawal(argument: _consilium_v1_SubmitWithdrawalRequest, callback: grpc.requestCallback<_consilium_v1_SubmitWithdrawalResponse__Output>): grpc.ClientUnaryCall;
  submitWithdrawal(argument: _consilium_v1_SubmitWithdrawalRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_SubmitWithdrawalResponse__Output>): grpc.ClientUnaryCall;
  submitWithdrawal(argument: _consilium_v1_SubmitWithdrawalRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_SubmitWithdrawalResponse__Output>): grpc.ClientUnaryCall;
  submitWithdrawal(argument: _consilium_v1_SubmitWithdrawalRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_SubmitWithdrawalResponse__Output>): grpc.ClientUnaryCall;
  submitWithdrawal(argument: _consilium_v1_SubmitWithdrawalRequest, callback: grpc.requestCallback<_consilium_v1_SubmitWithdrawalResponse__Output>): grpc.ClientUnaryCall;
  
  Watch(argument: _consilium_v1_WatchStudyRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_consilium_v1_StudyEvent__Output>;
  Watch(argument: _consilium_v1_WatchStudyRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_consilium_v1_StudyEvent__Output>;
  watch(argument: _consilium_v1_WatchStudyRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_consilium_v1_StudyEvent__Output>;
  watch(argument: _consilium_v1_WatchStudyRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_consilium_v1_StudyEvent__Output>;
  
}

export interface StudyServiceHandlers extends grpc.UntypedServiceImplementation {
  GetContract: grpc.handleUnaryCall<_consilium_v1_GetContractRequest__Output, _consilium_v1_GetContractResponse>;
  
  GetStatements: grpc.handleUnaryCall<_consilium_v1_GetStatementsRequest__Output, _consilium_v1_GetStatementsResponse>;
  
  GetStatus: grpc.handleUnaryCall<_consilium_v1_GetStatusRequest__Output, _consilium_v1_StudyStatus>;
  
  Launch: grpc.handleUnaryCall<_consilium_v1_LaunchRequest__Output, _consilium_v1_LaunchResponse>;
  
  Stop: grpc.handleUnaryCall<_consilium_v1_StopRequest__Output, _consilium_v1_StopResponse>;
  
  SubmitApproval: grpc.handleUnaryCall<_consilium_v1_SubmitApprovalRequest__Output, _consilium_v1_SubmitApprovalResponse>;
  
  SubmitWithdrawal: grpc.handleUnaryCall<_consilium_v1_SubmitWithdrawalRequest__Output, _consilium_v1_SubmitWithdrawalResponse>;
  
  Watch: grpc.handleServerStreamingCall<_consilium_v1_WatchStudyRequest__Output, _consilium_v1_StudyEvent>;
  
}

export interface StudyServiceDefinition extends grpc.ServiceDefinition {
  GetContract: MethodDefinition<_consilium_v1_GetContractRequest, _consilium_v1_GetContractResponse, _consilium_v1_GetContractRequest__Output, _consilium_v1_GetContractResponse__Output>
  GetStatements: MethodDefinition<_consilium_v1_GetStatementsRequest, _consilium_v1_GetStatementsResponse, _consilium_v1_GetStatementsRequest__Output, _consilium_v1_GetStatementsResponse__Output>
  GetStatus: MethodDefinition<_consilium_v1_GetStatusRequest, _consilium_v1_StudyStatus, _consilium_v1_GetStatusRequest__Output, _consilium_v1_StudyStatus__Output>
  Launch: MethodDefinition<_consilium_v1_LaunchRequest, _consilium_v1_LaunchResponse, _consilium_v1_LaunchRequest__Output, _consilium_v1_LaunchResponse__Output>
  Stop: MethodDefinition<_consilium_v1_StopRequest, _consilium_v1_StopResponse, _consilium_v1_StopRequest__Output, _consilium_v1_StopResponse__Output>
  SubmitApproval: MethodDefinition<_consilium_v1_SubmitApprovalRequest, _consilium_v1_SubmitApprovalResponse, _consilium_v1_SubmitApprovalRequest__Output, _consilium_v1_SubmitApprovalResponse__Output>
  SubmitWithdrawal: MethodDefinition<_consilium_v1_SubmitWithdrawalRequest, _consilium_v1_SubmitWithdrawalResponse, _consilium_v1_SubmitWithdrawalRequest__Output, _consilium_v1_SubmitWithdrawalResponse__Output>
  Watch: MethodDefinition<_consilium_v1_WatchStudyRequest, _consilium_v1_StudyEvent, _consilium_v1_WatchStudyRequest__Output, _consilium_v1_StudyEvent__Output>
}
