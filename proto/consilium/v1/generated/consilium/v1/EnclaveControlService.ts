// Original file: proto/consilium/v1/control.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AdvanceRequest as _consilium_v1_AdvanceRequest, AdvanceRequest__Output as _consilium_v1_AdvanceRequest__Output } from '../../consilium/v1/AdvanceRequest.ts';
import type { AdvanceResponse as _consilium_v1_AdvanceResponse, AdvanceResponse__Output as _consilium_v1_AdvanceResponse__Output } from '../../consilium/v1/AdvanceResponse.ts';
import type { EnclaveEvent as _consilium_v1_EnclaveEvent, EnclaveEvent__Output as _consilium_v1_EnclaveEvent__Output } from '../../consilium/v1/EnclaveEvent.ts';
import type { GetStatementsRequest as _consilium_v1_GetStatementsRequest, GetStatementsRequest__Output as _consilium_v1_GetStatementsRequest__Output } from '../../consilium/v1/GetStatementsRequest.ts';
import type { GetStatementsResponse as _consilium_v1_GetStatementsResponse, GetStatementsResponse__Output as _consilium_v1_GetStatementsResponse__Output } from '../../consilium/v1/GetStatementsResponse.ts';
import type { LoadRequest as _consilium_v1_LoadRequest, LoadRequest__Output as _consilium_v1_LoadRequest__Output } from '../../consilium/v1/LoadRequest.ts';
import type { LoadResponse as _consilium_v1_LoadResponse, LoadResponse__Output as _consilium_v1_LoadResponse__Output } from '../../consilium/v1/LoadResponse.ts';
import type { WatchRequest as _consilium_v1_WatchRequest, WatchRequest__Output as _consilium_v1_WatchRequest__Output } from '../../consilium/v1/WatchRequest.ts';
import type { WithdrawRequest as _consilium_v1_WithdrawRequest, WithdrawRequest__Output as _consilium_v1_WithdrawRequest__Output } from '../../consilium/v1/WithdrawRequest.ts';
import type { WithdrawResponse as _consilium_v1_WithdrawResponse, WithdrawResponse__Output as _consilium_v1_WithdrawResponse__Output } from '../../consilium/v1/WithdrawResponse.ts';

export interface EnclaveControlServiceClient extends grpc.Client {
  Advance(argument: _consilium_v1_AdvanceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_AdvanceResponse__Output>): grpc.ClientUnaryCall;
  Advance(argument: _consilium_v1_AdvanceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_AdvanceResponse__Output>): grpc.ClientUnaryCall;
  Advance(argument: _consilium_v1_AdvanceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_AdvanceResponse__Output>): grpc.ClientUnaryCall;
  Advance(argument: _consilium_v1_AdvanceRequest, callback: grpc.requestCallback<_consilium_v1_AdvanceResponse__Output>): grpc.ClientUnaryCall;
  advance(argument: _consilium_v1_AdvanceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_AdvanceResponse__Output>): grpc.ClientUnaryCall;
  advance(argument: _consilium_v1_AdvanceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_AdvanceResponse__Output>): grpc.ClientUnaryCall;
  advance(argument: _consilium_v1_AdvanceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_AdvanceResponse__Output>): grpc.ClientUnaryCall;
  advance(argument: _consilium_v1_AdvanceRequest, callback: grpc.requestCallback<_consilium_v1_AdvanceResponse__Output>): grpc.ClientUnaryCall;
  
  GetStatements(argument: _consilium_v1_GetStatementsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  GetStatements(argument: _consilium_v1_GetStatementsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  GetStatements(argument: _consilium_v1_GetStatementsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  GetStatements(argument: _consilium_v1_GetStatementsRequest, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  getStatements(argument: _consilium_v1_GetStatementsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  getStatements(argument: _consilium_v1_GetStatementsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  getStatements(argument: _consilium_v1_GetStatementsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  getStatements(argument: _consilium_v1_GetStatementsRequest, callback: grpc.requestCallback<_consilium_v1_GetStatementsResponse__Output>): grpc.ClientUnaryCall;
  
  Load(argument: _consilium_v1_LoadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_LoadResponse__Output>): grpc.ClientUnaryCall;
  Load(argument: _consilium_v1_LoadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_LoadResponse__Output>): grpc.ClientUnaryCall;
  Load(argument: _consilium_v1_LoadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_LoadResponse__Output>): grpc.ClientUnaryCall;
  Load(argument: _consilium_v1_LoadRequest, callback: grpc.requestCallback<_consilium_v1_LoadResponse__Output>): grpc.ClientUnaryCall;
  load(argument: _consilium_v1_LoadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_LoadResponse__Output>): grpc.ClientUnaryCall;
  load(argument: _consilium_v1_LoadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_LoadResponse__Output>): grpc.ClientUnaryCall;
  load(argument: _consilium_v1_LoadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_LoadResponse__Output>): grpc.ClientUnaryCall;
  load(argument: _consilium_v1_LoadRequest, callback: grpc.requestCallback<_consilium_v1_LoadResponse__Output>): grpc.ClientUnaryCall;
  
  Watch(argument: _consilium_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_consilium_v1_EnclaveEvent__Output>;
  Watch(argument: _consilium_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_consilium_v1_EnclaveEvent__Output>;
  watch(argument: _consilium_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_consilium_v1_EnclaveEvent__Output>;
  watch(argument: _consilium_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_consilium_v1_EnclaveEvent__Output>;
  
  Withdraw(argument: _consilium_v1_WithdrawRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_WithdrawResponse__Output>): grpc.ClientUnaryCall;
  Withdraw(argument: _consilium_v1_WithdrawRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_WithdrawResponse__Output>): grpc.ClientUnaryCall;
  Withdraw(argument: _consilium_v1_WithdrawRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_WithdrawResponse__Output>): grpc.ClientUnaryCall;
  Withdraw(argument: _consilium_v1_WithdrawRequest, callback: grpc.requestCallback<_consilium_v1_WithdrawResponse__Output>): grpc.ClientUnaryCall;
  withdraw(argument: _consilium_v1_WithdrawRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_WithdrawResponse__Output>): grpc.ClientUnaryCall;
  withdraw(argument: _consilium_v1_WithdrawRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_consilium_v1_WithdrawResponse__Output>): grpc.ClientUnaryCall;
  withdraw(argument: _consilium_v1_WithdrawRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_consilium_v1_WithdrawResponse__Output>): grpc.ClientUnaryCall;
  withdraw(argument: _consilium_v1_WithdrawRequest, callback: grpc.requestCallback<_consilium_v1_WithdrawResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface EnclaveControlServiceHandlers extends grpc.UntypedServiceImplementation {
  Advance: grpc.handleUnaryCall<_consilium_v1_AdvanceRequest__Output, _consilium_v1_AdvanceResponse>;
  
  GetStatements: grpc.handleUnaryCall<_consilium_v1_GetStatementsRequest__Output, _consilium_v1_GetStatementsResponse>;
  
  Load: grpc.handleUnaryCall<_consilium_v1_LoadRequest__Output, _consilium_v1_LoadResponse>;
  
  Watch: grpc.handleServerStreamingCall<_consilium_v1_WatchRequest__Output, _consilium_v1_EnclaveEvent>;
  
  Withdraw: grpc.handleUnaryCall<_consilium_v1_WithdrawRequest__Output, _consilium_v1_WithdrawResponse>;
  
}

export interface EnclaveControlServiceDefinition extends grpc.ServiceDefinition {
  Advance: MethodDefinition<_consilium_v1_AdvanceRequest, _consilium_v1_AdvanceResponse, _consilium_v1_AdvanceRequest__Output, _consilium_v1_AdvanceResponse__Output>
  GetStatements: MethodDefinition<_consilium_v1_GetStatementsRequest, _consilium_v1_GetStatementsResponse, _consilium_v1_GetStatementsRequest__Output, _consilium_v1_GetStatementsResponse__Output>
  Load: MethodDefinition<_consilium_v1_LoadRequest, _consilium_v1_LoadResponse, _consilium_v1_LoadRequest__Output, _consilium_v1_LoadResponse__Output>
  Watch: MethodDefinition<_consilium_v1_WatchRequest, _consilium_v1_EnclaveEvent, _consilium_v1_WatchRequest__Output, _consilium_v1_EnclaveEvent__Output>
  Withdraw: MethodDefinition<_consilium_v1_WithdrawRequest, _consilium_v1_WithdrawResponse, _consilium_v1_WithdrawRequest__Output, _consilium_v1_WithdrawResponse__Output>
}
