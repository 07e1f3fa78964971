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
import type { GetContractRequest as _consilium_v1_GetContractRequest, GetContractRequest__Output as _consilium_v1_GetContractRequest__Output } from './consilium/v1/GetContractRequest.ts';
import type { GetContractResponse as _consilium_v1_GetContractResponse, GetContractResponse__Output as _consilium_v1_GetContractResponse__Output } from './consilium/v1/GetContractResponse.ts';
import type { GetStatementsRequest as _consilium_v1_GetStatementsRequest, GetStatementsRequest__Output as _consilium_v1_GetStatementsRequest__Output } from './consilium/v1/GetStatementsRequest.ts';
import type { GetStatementsResponse as _consilium_v1_GetStatementsResponse, GetStatementsResponse__Output as _consilium_v1_GetStatementsResponse__Output } from './consilium/v1/GetStatementsResponse.ts';
import type { GetStatusRequest as _consilium_v1_GetStatusRequest, GetStatusRequest__Output as _consilium_v1_GetStatusRequest__Output } from './consilium/v1/GetStatusRequest.ts';
import type { Halted as _consilium_v1_Halted, Halted__Output as _consilium_v1_Halted__Output } from './consilium/v1/Halted.ts';
import type { LaunchRequest as _consilium_v1_LaunchRequest, LaunchRequest__Output as _consilium_v1_LaunchRequest__Output } from './consilium/v1/LaunchRequest.ts';
import type { LaunchResponse as _consilium_v1_LaunchResponse, LaunchResponse__Output as _consilium_v1_LaunchResponse__Output } from './consilium/v1/LaunchResponse.ts';
import type { LoadRequest as _consilium_v1_LoadRequest, LoadRequest__Output as _consilium_v1_LoadRequest__Output } from './consilium/v1/LoadRequest.ts';
import type { LoadResponse as _consilium_v1_LoadResponse, LoadResponse__Output as _consilium_v1_LoadResponse__Output } from './consilium/v1/LoadResponse.ts';
import type { LockCohort as _consilium_v1_LockCohort, LockCohort__Output as _consilium_v1_LockCohort__Output } from './consilium/v1/LockCohort.ts';
import type { OpenRound as _consilium_v1_OpenRound, OpenRound__Output as _consilium_v1_OpenRound__Output } from './consilium/v1/OpenRound.ts';
import type { PhaseChanged as _consilium_v1_PhaseChanged, PhaseChanged__Output as _consilium_v1_PhaseChanged__Output } from './consilium/v1/PhaseChanged.ts';
import type { PublicationRenewed as _consilium_v1_PublicationRenewed, PublicationRenewed__Output as _consilium_v1_PublicationRenewed__Output } from './consilium/v1/PublicationRenewed.ts';
import type { Refused as _consilium_v1_Refused, Refused__Output as _consilium_v1_Refused__Output } from './consilium/v1/Refused.ts';
import type { RoundAborted as _consilium_v1_RoundAborted, RoundAborted__Output as _consilium_v1_RoundAborted__Output } from './consilium/v1/RoundAborted.ts';
import type { RoundPhase as _consilium_v1_RoundPhase, RoundPhase__Output as _consilium_v1_RoundPhase__Output } from './consilium/v1/RoundPhase.ts';
import type { RoundReleased as _consilium_v1_RoundReleased, RoundReleased__Output as _consilium_v1_RoundReleased__Output } from './consilium/v1/RoundReleased.ts';
import type { SessionClosed as _consilium_v1_SessionClosed, SessionClosed__Output as _consilium_v1_SessionClosed__Output } from './consilium/v1/SessionClosed.ts';
import type { SessionOpened as _consilium_v1_SessionOpened, SessionOpened__Output as _consilium_v1_SessionOpened__Output } from './consilium/v1/SessionOpened.ts';
import type { SiteProgress as _consilium_v1_SiteProgress, SiteProgress__Output as _consilium_v1_SiteProgress__Output } from './consilium/v1/SiteProgress.ts';
import type { SiteStatus as _consilium_v1_SiteStatus, SiteStatus__Output as _consilium_v1_SiteStatus__Output } from './consilium/v1/SiteStatus.ts';
import type { StatementIssued as _consilium_v1_StatementIssued, StatementIssued__Output as _consilium_v1_StatementIssued__Output } from './consilium/v1/StatementIssued.ts';
import type { StopRequest as _consilium_v1_StopRequest, StopRequest__Output as _consilium_v1_StopRequest__Output } from './consilium/v1/StopRequest.ts';
import type { StopResponse as _consilium_v1_StopResponse, StopResponse__Output as _consilium_v1_StopResponse__Output } from './consilium/v1/StopResponse.ts';
import type { StudyEvent as _consilium_v1_StudyEvent, StudyEvent__Output as _consilium_v1_StudyEvent__Output } from './consilium/v1/StudyEvent.ts';
import type { StudyFinished as _consilium_v1_StudyFinished, StudyFinished__Output as _consilium_v1_StudyFinished__Output } from './consilium/v1/StudyFinished.ts';
import type { StudyServiceClient as _consilium_v1_StudyServiceClient, StudyServiceDefinition as _consilium_v1_StudyServiceDefinition } from './consilium/v1/StudyService.ts';
import type { StudyStatus as _consilium_v1_StudyStatus, StudyStatus__Output as _consilium_v1_StudyStatus__Output } from './consilium/v1/StudyStatus.ts';
import type { SubmitApprovalRequest as _consilium_v1_SubmitApprovalRequest, SubmitApprovalRequest__Output as _consilium_v1_SubmitApprovalRequest__Output } from './consilium/v1/SubmitApprovalRequest.ts';
import type { SubmitApprovalResponse as _consilium_v1_SubmitApprovalResponse, SubmitApprovalResponse__Output as _consilium_v1_SubmitApprovalResponse__Output } from './consilium/v1/SubmitApprovalResponse.ts';
import type { SubmitWithdrawalRequest as _consilium_v1_SubmitWithdrawalRequest, SubmitWithdrawalRequest__Output as _consilium_v1_SubmitWithdrawalRequest__Output } from './consilium/v1/SubmitWithdrawalRequest.ts';
import type { SubmitWithdrawalResponse as _consilium_v1_SubmitWithdrawalResponse, SubmitWithdrawalResponse__Output as _consilium_v1_SubmitWithdrawalResponse__Output } from './consilium/v1/SubmitWithdrawalResponse.ts';
import type { UpdateReceived as _consilium_v1_UpdateReceived, UpdateReceived__Output as _consilium_v1_UpdateReceived__Output } from './consilium/v1/UpdateReceived.ts';
import type { WatchRequest as _consilium_v1_WatchRequest, WatchRequest__Output as _consilium_v1_WatchRequest__Output } from './consilium/v1/WatchRequest.ts';
import type { WatchStudyRequest as _consilium_v1_WatchStudyRequest, WatchStudyRequest__Output as _consilium_v1_WatchStudyRequest__Output } from './consilium/v1/WatchStudyRequest.ts';
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
      GetContractRequest: MessageTypeDefinition<_consilium_v1_GetContractRequest, _consilium_v1_GetContractRequest__Output>
      GetContractResponse: MessageTypeDefinition<_consilium_v1_GetContractResponse, _consilium_v1_GetContractResponse__Output>
      GetStatementsRequest: MessageTypeDefinition<_consilium_v1_GetStatementsRequest, _consilium_v1_GetStatementsRequest__Output>
      GetStatementsResponse: MessageTypeDefinition<_consilium_v1_GetStatementsResponse, _consilium_v1_GetStatementsResponse__Output>
      GetStatusRequest: MessageTypeDefinition<_consilium_v1_GetStatusRequest, _consilium_v1_GetStatusRequest__Output>
      Halted: MessageTypeDefinition<_consilium_v1_Halted, _consilium_v1_Halted__Output>
      LaunchRequest: MessageTypeDefinition<_consilium_v1_LaunchRequest, _consilium_v1_LaunchRequest__Output>
      LaunchResponse: MessageTypeDefinition<_consilium_v1_LaunchResponse, _consilium_v1_LaunchResponse__Output>
      LoadRequest: MessageTypeDefinition<_consilium_v1_LoadRequest, _consilium_v1_LoadRequest__Output>
      LoadResponse: MessageTypeDefinition<_consilium_v1_LoadResponse, _consilium_v1_LoadResponse__Output>
      LockCohort: MessageTypeDefinition<_consilium_v1_LockCohort, _consilium_v1_LockCohort__Output>
      OpenRound: MessageTypeDefinition<_consilium_v1_OpenRound, _consilium_v1_OpenRound__Output>
      PhaseChanged: MessageTypeDefinition<_consilium_v1_PhaseChanged, _consilium_v1_PhaseChanged__Output>
      PublicationRenewed: MessageTypeDefinition<_consilium_v1_PublicationRenewed, _consilium_v1_PublicationRenewed__Output>
      Refused: MessageTypeDefinition<_consilium_v1_Refused, _consilium_v1_Refused__Output>
      RoundAborted: MessageTypeDefinition<_consilium_v1_RoundAborted, _consilium_v1_RoundAborted__Output>
      RoundPhase: MessageTypeDefinition<_consilium_v1_RoundPhase, _consilium_v1_RoundPhase__Output>
      RoundReleased: MessageTypeDefinition<_consilium_v1_RoundReleased, _consilium_v1_RoundReleased__Output>
      SessionClosed: MessageTypeDefinition<_consilium_v1_SessionClosed, _consilium_v1_SessionClosed__Output>
      SessionOpened: MessageTypeDefinition<_consilium_v1_SessionOpened, _consilium_v1_SessionOpened__Output>
      SiteProgress: MessageTypeDefinition<_consilium_v1_SiteProgress, _consilium_v1_SiteProgress__Output>
      SiteStatus: MessageTypeDefinition<_consilium_v1_SiteStatus, _consilium_v1_SiteStatus__Output>
      StatementIssued: MessageTypeDefinition<_consilium_v1_StatementIssued, _consilium_v1_StatementIssued__Output>
      StopRequest: MessageTypeDefinition<_consilium_v1_StopRequest, _consilium_v1_StopRequest__Output>
      StopResponse: MessageTypeDefinition<_consilium_v1_StopResponse, _consilium_v1_StopResponse__Output>
      StudyEvent: MessageTypeDefinition<_consilium_v1_StudyEvent, _consilium_v1_StudyEvent__Output>
      StudyFinished: MessageTypeDefinition<_consilium_v1_StudyFinished, _consilium_v1_StudyFinished__Output>
      StudyService: SubtypeConstructor<typeof grpc.Client, _consilium_v1_StudyServiceClient> & { service: _consilium_v1_StudyServiceDefinition }
      StudyStatus: MessageTypeDefinition<_consilium_v1_StudyStatus, _consilium_v1_StudyStatus__Output>
      SubmitApprovalRequest: MessageTypeDefinition<_consilium_v1_SubmitApprovalRequest, _consilium_v1_SubmitApprovalRequest__Output>
      SubmitApprovalResponse: MessageTypeDefinition<_consilium_v1_SubmitApprovalResponse, _consilium_v1_SubmitApprovalResponse__Output>
      SubmitWithdrawalRequest: MessageTypeDefinition<_consilium_v1_SubmitWithdrawalRequest, _consilium_v1_SubmitWithdrawalRequest__Output>
      SubmitWithdrawalResponse: MessageTypeDefinition<_consilium_v1_SubmitWithdrawalResponse, _consilium_v1_SubmitWithdrawalResponse__Output>
      UpdateReceived: MessageTypeDefinition<_consilium_v1_UpdateReceived, _consilium_v1_UpdateReceived__Output>
      WatchRequest: MessageTypeDefinition<_consilium_v1_WatchRequest, _consilium_v1_WatchRequest__Output>
      WatchStudyRequest: MessageTypeDefinition<_consilium_v1_WatchStudyRequest, _consilium_v1_WatchStudyRequest__Output>
      WithdrawRequest: MessageTypeDefinition<_consilium_v1_WithdrawRequest, _consilium_v1_WithdrawRequest__Output>
      WithdrawResponse: MessageTypeDefinition<_consilium_v1_WithdrawResponse, _consilium_v1_WithdrawResponse__Output>
      WithdrawalRecorded: MessageTypeDefinition<_consilium_v1_WithdrawalRecorded, _consilium_v1_WithdrawalRecorded__Output>
    }
  }
}

