// Original file: proto/consilium/v1/session.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Frame as _consilium_v1_Frame, Frame__Output as _consilium_v1_Frame__Output } from '../../consilium/v1/Frame.ts';

export interface SessionServiceClient extends grpc.Client {
  Channel(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_consilium_v1_Frame, _consilium_v1_Frame__Output>;
  Channel(options?: grpc.CallOptions): grpc.ClientDuplexStream<_consilium_v1_Frame, _consilium_v1_Frame__Output>;
  channel(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_consilium_v1_Frame, _consilium_v1_Frame__Output>;
  channel(options?: grpc.CallOptions): grpc.ClientDuplexStream<_consilium_v1_Frame, _consilium_v1_Frame__Output>;
  
}

export interface SessionServiceHandlers extends grpc.UntypedServiceImplementation {
  Channel: grpc.handleBidiStreamingCall<_consilium_v1_Frame__Output, _consilium_v1_Frame>;
  
}

export interface SessionServiceDefinition extends grpc.ServiceDefinition {
  Channel: MethodDefinition<_consilium_v1_Frame, _consilium_v1_Frame, _consilium_v1_Frame__Output, _consilium_v1_Frame__Output>
}
