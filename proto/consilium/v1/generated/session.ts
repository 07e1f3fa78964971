import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Frame as _consilium_v1_Frame, Frame__Output as _consilium_v1_Frame__Output } from './consilium/v1/Frame.ts';
import type { SessionServiceClient as _consilium_v1_SessionServiceClient, SessionServiceDefinition as _consilium_v1_SessionServiceDefinition } from './consilium/v1/SessionService.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  consilium: {
    v1: {
      Frame: MessageTypeDefinition<_consilium_v1_Frame, _consilium_v1_Frame__Output>
      SessionService: SubtypeConstructor<typeof grpc.Client, _consilium_v1_SessionServiceClient> & { service: _consilium_v1_SessionServiceDefinition }
    }
  }
}

