import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { AbortRound as _consilium_v1_AbortRound, AbortRound__Output as _consilium_v1_AbortRound__Output } from './consilium/v1/AbortRound.ts';
import type { AcknowledgementReceived as _consilium_v1_AcknowledgementReceived, AcknowledgementReceived__Output as _consilium_v1_AcknowledgementReceived__Output } from './consilium/v1/AcknowledgementReceived.ts';
import type { AdvanceRequest as _consilium_v1_AdvanceRequest, AdvanceRequest__Output as _consilium_v1_AdvanceRequest__Output } from './consilium/v1/AdvanceRequest.ts';
import type { AdvanceResponse as _consilium_v1_AdvanceResponse, AdvanceResponse__Output as _consilium_v1_AdvanceResponse__Output } from './consilium/v1/AdvanceResponse.ts';
import type { ApprovalRecorded as _consilium_v1_ApprovalRecorded, ApprovalRecorded__Output as _consilium_v1_ApprovalRecorded__Output } from './consilium/v1/ApprovalRecorded.ts';
import type { CloseAcknowledgement as _consilium_v1_CloseAcknowledgement, CloseAcknowledgement__Output as _consilium_v1_CloseAcknowledgement__Output } from './consilium/v1/CloseAcknowledgement.ts';
import type { CloseCollection as _consilium_v1_CloseCollection, CloseCollection__Output as _consilium_v1_CloseCollection__Output } from './consilium/v1/CloseCollection.ts';
import type { CommitReceived as _consilium_v1_CommitReceived, CommitReceived__Output as _consilium_v1_CommitReceived__Output } from './consilium/v1/CommitReceived.ts';
import type { EnclaveControlServiceClient as _consilium_v1_EnclaveControlServiceClient, EnclaveControlServiceDefinition as _consilium_v1_EnclaveControlServiceDefinition } from './consilium/v1/EnclaveControlService.ts';
import type { EnclaveEvent as _consilium_v1_EnclaveEvent, EnclaveEvent__Output as _consilium_v1_EnclaveEvent__Output } from './consilium/v1/EnclaveEvent.ts';
import type { GetStatementsRequest as _consilium_v1_GetStatementsRequest, GetStatementsRequest__Output as _consilium_v1_GetStatementsRequest__Output } from './consilium/v1/GetStatementsRequest.ts';
import type { GetStatementsResponse as _consilium_v1_GetStatementsResponse, GetStatementsResponse__Output as _consilium_v1_GetStatementsResponse__Output } from './consilium/v1/GetStatementsResponse.ts';
import type { Halted as _consilium_v1_Halted, Halted__Output as _consilium_v1_Halted__Output } from './consilium/v1/Halted.ts';
import type { LoadRequest as _consilium_v1_LoadRequest, LoadRequest__Output as _consilium_v1_LoadRequest__Output } from './consilium/v1/LoadRequest.ts';
import type { LoadResponse as _consilium_v1_LoadResponse, LoadResponse__Output as _consilium_v1_LoadResponse__Output } from './consilium/v1/LoadResponse.ts';
import type { LockCohort as _consilium_v1_LockCohort, LockCohort__Output as _consilium_v1_LockCohort__Output } from './consilium/v1/LockCohort.ts';
import type { OpenRound as _consilium_v1_OpenRound, OpenRound__Output as _consilium_v1_OpenRound__Output } from './consilium/v1/OpenRound.ts';
import type { PublicationRenewed as _consilium_v1_PublicationRenewed, PublicationRenewed__Output as _consilium_v1_PublicationRenewed__Output } from './consilium/v1/PublicationRenewed.ts';
import type { Refused as _consilium_v1_Refused, Refused__Output as _consilium_v1_Refused__Output } from './consilium/v1/Refused.ts';
import type { SessionClosed as _consilium_v1_SessionClosed, SessionClosed__Output as _consilium_v1_SessionClosed__Output } from './consilium/v1/SessionClosed.ts';
import type { SessionOpened as _consilium_v1_SessionOpened, SessionOpened__Output as _consilium_v1_SessionOpened__Output } from './consilium/v1/SessionOpened.ts';
import type { StatementIssued as _consilium_v1_StatementIssued, StatementIssued__Output as _consilium_v1_StatementIssued__Output } from './consilium/v1/StatementIssued.ts';
import type { UpdateReceived as _consilium_v1_UpdateReceived, UpdateReceived__Output as _consilium_v1_UpdateReceived__Output } from './consilium/v1/UpdateReceived.ts';
import type { WatchRequest as _consilium_v1_WatchRequest, WatchRequest__Output as _consilium_v1_WatchRequest__Output } from './consilium/v1/WatchRequest.ts';
import type { WithdrawRequest as _consilium_v1_WithdrawRequest, WithdrawRequest__Output as _consilium_v1_WithdrawRequest__Output } from './consilium/v1/WithdrawRequest.ts';
import type { WithdrawResponse as _consilium_v1_WithdrawResponse, WithdrawResponse__Output as _consilium_v1_WithdrawResponse__Output } from './consilium/v1/WithdrawResponse.ts';
import type { WithdrawalRecorded as _consilium_v1_WithdrawalRecorded, WithdrawalRecorded__Output as _consilium_v1_WithdrawalRecorded__Output } from './consilium/v1/WithdrawalRecorded.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  consilium: {
    v1: {
      AbortRound: MessageTypeDefinition<_consilium_v1_AbortRound, _consilium_v1_AbortRound__Output>
      AcknowledgementReceived: MessageTypeDefinition<_consilium_v1_AcknowledgementReceived, _consilium_v1_AcknowledgementReceived__Output>
      AdvanceRequest: MessageTypeDefinition<_consilium_v1_AdvanceRequest, _consilium_v1_AdvanceRequest__Output>
      AdvanceResponse: MessageTypeDefinition<_consilium_v1_AdvanceResponse, _consilium_v1_AdvanceResponse__Output>
      ApprovalRecorded: MessageTypeDefinition<_consilium_v1_ApprovalRecorded, _consilium_v1_ApprovalRecorded__Output>
      CloseAcknowledgement: MessageTypeDefinition<_consilium_v1_CloseAcknowledgement, _consilium_v1_CloseAcknowledgement__Output>
      CloseCollection: MessageTypeDefinition<_consilium_v1_CloseCollection, _consilium_v1_CloseCollection__Output>
      CommitReceived: MessageTypeDefinition<_consilium_v1_CommitReceived, _consilium_v1_CommitReceived__Output>
      EnclaveControlService: SubtypeConstructor<typeof grpc.Client, _consilium_v1_EnclaveControlServiceClient> & { service: _consilium_v1_EnclaveControlServiceDefinition }
      EnclaveEvent: MessageTypeDefinition<_consilium_v1_EnclaveEvent, _consilium_v1_EnclaveEvent__Output>
      GetStatementsRequest: MessageTypeDefinition<_consilium_v1_GetStatementsRequest, _consilium_v1_GetStatementsRequest__Output>
      GetStatementsResponse: MessageTypeDefinition<_consilium_v1_GetStatementsResponse, _consilium_v1_GetStatementsResponse__Output>
      Halted: MessageTypeDefinition<_consilium_v1_Halted, _consilium_v1_Halted__Output>
      LoadRequest: MessageTypeDefinition<_consilium_v1_LoadRequest, _consilium_v1_LoadRequest__Output>
      LoadResponse: MessageTypeDefinition<_consilium_v1_LoadResponse, _consilium_v1_LoadResponse__Output>
      LockCohort: MessageTypeDefinition<_consilium_v1_LockCohort, _consilium_v1_LockCohort__Output>
      OpenRound: MessageTypeDefinition<_consilium_v1_OpenRound, _consilium_v1_OpenRound__Output>
      PublicationRenewed: MessageTypeDefinition<_consilium_v1_PublicationRenewed, _consilium_v1_PublicationRenewed__Output>
      Refused: MessageTypeDefinition<_consilium_v1_Refused, _consilium_v1_Refused__Output>
      SessionClosed: MessageTypeDefinition<_consilium_v1_SessionClosed, _consilium_v1_SessionClosed__Output>
      SessionOpened: MessageTypeDefinition<_consilium_v1_SessionOpened, _consilium_v1_SessionOpened__Output>
      StatementIssued: MessageTypeDefinition<_consilium_v1_StatementIssued, _consilium_v1_StatementIssued__Output>
      UpdateReceived: MessageTypeDefinition<_consilium_v1_UpdateReceived, _consilium_v1_UpdateReceived__Output>
      WatchRequest: MessageTypeDefinition<_consilium_v1_WatchRequest, _consilium_v1_WatchRequest__Output>
      WithdrawRequest: MessageTypeDefinition<_consilium_v1_WithdrawRequest, _consilium_v1_WithdrawRequest__Output>
      WithdrawResponse: MessageTypeDefinition<_consilium_v1_WithdrawResponse, _consilium_v1_WithdrawResponse__Output>
      WithdrawalRecorded: MessageTypeDefinition<_consilium_v1_WithdrawalRecorded, _consilium_v1_WithdrawalRecorded__Output>
    }
  }
}

