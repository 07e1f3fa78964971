// Original file: proto/consilium/v1/control.proto

import type { StatementIssued as _consilium_v1_StatementIssued, StatementIssued__Output as _consilium_v1_StatementIssued__Output } from '../../consilium/v1/StatementIssued.ts';
import type { SessionOpened as _consilium_v1_SessionOpened, SessionOpened__Output as _consilium_v1_SessionOpened__Output } from '../../consilium/v1/SessionOpened.ts';
import type { SessionClosed as _consilium_v1_SessionClosed, SessionClosed__Output as _consilium_v1_SessionClosed__Output } from '../../consilium/v1/SessionClosed.ts';
import type { CommitReceived as _consilium_v1_CommitReceived, CommitReceived__Output as _consilium_v1_CommitReceived__Output } from '../../consilium/v1/CommitReceived.ts';
import type { UpdateReceived as _consilium_v1_UpdateReceived, UpdateReceived__Output as _consilium_v1_UpdateReceived__Output } from '../../consilium/v1/UpdateReceived.ts';
import type { AcknowledgementReceived as _consilium_v1_AcknowledgementReceived, AcknowledgementReceived__Output as _consilium_v1_AcknowledgementReceived__Output } from '../../consilium/v1/AcknowledgementReceived.ts';
import type { Refused as _consilium_v1_Refused, Refused__Output as _consilium_v1_Refused__Output } from '../../consilium/v1/Refused.ts';
import type { PublicationRenewed as _consilium_v1_PublicationRenewed, PublicationRenewed__Output as _consilium_v1_PublicationRenewed__Output } from '../../consilium/v1/PublicationRenewed.ts';
import type { Halted as _consilium_v1_Halted, Halted__Output as _consilium_v1_Halted__Output } from '../../consilium/v1/Halted.ts';
import type { ApprovalRecorded as _consilium_v1_ApprovalRecorded, ApprovalRecorded__Output as _consilium_v1_ApprovalRecorded__Output } from '../../consilium/v1/ApprovalRecorded.ts';
import type { WithdrawalRecorded as _consilium_v1_WithdrawalRecorded, WithdrawalRecorded__Output as _consilium_v1_WithdrawalRecorded__Output } from '../../consilium/v1/WithdrawalRecorded.ts';
import type { Long } from '@grpc/proto-loader';

export interface EnclaveEvent {
  'sequence'?: (number | string | Long);
  'atMs'?: (number | string | Long);
  'statementIssued'?: (_consilium_v1_StatementIssued | null);
  'sessionOpened'?: (_consilium_v1_SessionOpened | null);
  'sessionClosed'?: (_consilium_v1_SessionClosed | null);
  'commitReceived'?: (_consilium_v1_CommitReceived | null);
  'updateReceived'?: (_consilium_v1_UpdateReceived | null);
  'acknowledgementReceived'?: (_consilium_v1_AcknowledgementReceived | null);
  'refused'?: (_consilium_v1_Refused | null);
  'publicationRenewed'?: (_consilium_v1_PublicationRenewed | null);
  'halted'?: (_consilium_v1_Halted | null);
  'approvalRecorded'?: (_consilium_v1_ApprovalRecorded | null);
  'withdrawalRecorded'?: (_consilium_v1_WithdrawalRecorded | null);
  '_sequence'?: "sequence";
  '_atMs'?: "atMs";
  'kind'?: "statementIssued"|"sessionOpened"|"sessionClosed"|"commitReceived"|"updateReceived"|"acknowledgementReceived"|"refused"|"publicationRenewed"|"halted"|"approvalRecorded"|"withdrawalRecorded";
}

export interface EnclaveEvent__Output {
  'sequence'?: (number);
  'atMs'?: (number);
  'statementIssued'?: (_consilium_v1_StatementIssued__Output | null);
  'sessionOpened'?: (_consilium_v1_SessionOpened__Output | null);
  'sessionClosed'?: (_consilium_v1_SessionClosed__Output | null);
  'commitReceived'?: (_consilium_v1_CommitReceived__Output | null);
  'updateReceived'?: (_consilium_v1_UpdateReceived__Output | null);
  'acknowledgementReceived'?: (_consilium_v1_AcknowledgementReceived__Output | null);
  'refused'?: (_consilium_v1_Refused__Output | null);
  'publicationRenewed'?: (_consilium_v1_PublicationRenewed__Output | null);
  'halted'?: (_consilium_v1_Halted__Output | null);
  'approvalRecorded'?: (_consilium_v1_ApprovalRecorded__Output | null);
  'withdrawalRecorded'?: (_consilium_v1_WithdrawalRecorded__Output | null);
  '_sequence'?: "sequence";
  '_atMs'?: "atMs";
  'kind'?: "statementIssued"|"sessionOpened"|"sessionClosed"|"commitReceived"|"updateReceived"|"acknowledgementReceived"|"refused"|"publicationRenewed"|"halted"|"approvalRecorded"|"withdrawalRecorded";
}
