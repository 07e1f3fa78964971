import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { GetContractRequest as _consilium_v1_GetContractRequest, GetContractRequest__Output as _consilium_v1_GetContractRequest__Output } from './consilium/v1/GetContractRequest.ts';
import type { GetContractResponse as _consilium_v1_GetContractResponse, GetContractResponse__Output as _consilium_v1_GetContractResponse__Output } from './consilium/v1/GetContractResponse.ts';
import type { GetStatementsRequest as _consilium_v1_GetStatementsRequest, GetStatementsRequest__Output as _consilium_v1_GetStatementsRequest__Output } from './consilium/v1/GetStatementsRequest.ts';
import type { GetStatementsResponse as _consilium_v1_GetStatementsResponse, GetStatementsResponse__Output as _consilium_v1_GetStatementsResponse__Output } from './consilium/v1/GetStatementsResponse.ts';
import type { GetStatusRequest as _consilium_v1_GetStatusRequest, GetStatusRequest__Output as _consilium_v1_GetStatusRequest__Output } from './consilium/v1/GetStatusRequest.ts';
import type { LaunchRequest as _consilium_v1_LaunchRequest, LaunchRequest__Output as _consilium_v1_LaunchRequest__Output } from './consilium/v1/LaunchRequest.ts';
import type { LaunchResponse as _consilium_v1_LaunchResponse, LaunchResponse__Output as _consilium_v1_LaunchResponse__Output } from './consilium/v1/LaunchResponse.ts';
import type { PhaseChanged as _consilium_v1_PhaseChanged, PhaseChanged__Output as _consilium_v1_PhaseChanged__Output } from './consilium/v1/PhaseChanged.ts';
import type { RoundAborted as _consilium_v1_RoundAborted, RoundAborted__Output as _consilium_v1_RoundAborted__Output } from './consilium/v1/RoundAborted.ts';
import type { RoundPhase as _consilium_v1_RoundPhase, RoundPhase__Output as _consilium_v1_RoundPhase__Output } from './consilium/v1/RoundPhase.ts';
import type { RoundReleased as _consilium_v1_RoundReleased, RoundReleased__Output as _consilium_v1_RoundReleased__Output } from './consilium/v1/RoundReleased.ts';
import type { SiteProgress as _consilium_v1_SiteProgress, SiteProgress__Output as _consilium_v1_SiteProgress__Output } from './consilium/v1/SiteProgress.ts';
import type { SiteStatus as _consilium_v1_SiteStatus, SiteStatus__Output as _consilium_v1_SiteStatus__Output } from './consilium/v1/SiteStatus.ts';
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
import type { WatchStudyRequest as _consilium_v1_WatchStudyRequest, WatchStudyRequest__Output as _consilium_v1_WatchStudyRequest__Output } from './consilium/v1/WatchStudyRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  consilium: {
    v1: {
      GetContractRequest: MessageTypeDefinition<_consilium_v1_GetContractRequest, _consilium_v1_GetContractRequest__Output>
      GetContractResponse: MessageTypeDefinition<_consilium_v1_GetContractResponse, _consilium_v1_GetContractResponse__Output>
      GetStatementsRequest: MessageTypeDefinition<_consilium_v1_GetStatementsRequest, _consilium_v1_GetStatementsRequest__Output>
      GetStatementsResponse: MessageTypeDefinition<_consilium_v1_GetStatementsResponse, _consilium_v1_GetStatementsResponse__Output>
      GetStatusRequest: MessageTypeDefinition<_consilium_v1_GetStatusRequest, _consilium_v1_GetStatusRequest__Output>
      LaunchRequest: MessageTypeDefinition<_consilium_v1_LaunchRequest, _consilium_v1_LaunchRequest__Output>
      LaunchResponse: MessageTypeDefinition<_consilium_v1_LaunchResponse, _consilium_v1_LaunchResponse__Output>
      PhaseChanged: MessageTypeDefinition<_consilium_v1_PhaseChanged, _consilium_v1_PhaseChanged__Output>
      RoundAborted: MessageTypeDefinition<_consilium_v1_RoundAborted, _consilium_v1_RoundAborted__Output>
      RoundPhase: MessageTypeDefinition<_consilium_v1_RoundPhase, _consilium_v1_RoundPhase__Output>
      RoundReleased: MessageTypeDefinition<_consilium_v1_RoundReleased, _consilium_v1_RoundReleased__Output>
      SiteProgress: MessageTypeDefinition<_consilium_v1_SiteProgress, _consilium_v1_SiteProgress__Output>
      SiteStatus: MessageTypeDefinition<_consilium_v1_SiteStatus, _consilium_v1_SiteStatus__Output>
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
      WatchStudyRequest: MessageTypeDefinition<_consilium_v1_WatchStudyRequest, _consilium_v1_WatchStudyRequest__Output>
    }
  }
}

