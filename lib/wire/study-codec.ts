import { z } from 'zod';
import type { ErrorCode } from '../core/errors.ts';
import type { Instant, OrganisationId } from '../core/ids.ts';
import {
  contractDocuments,
  nothing,
  withdrawalDocument,
  type ContractDocuments,
  type Nothing,
} from './control-codec.ts';
import { eventCodec, type EventOf } from './event-codec.ts';
import {
  attempt,
  bytes,
  emptyIsNull,
  errorCode,
  instant,
  line,
  name,
  organisation,
  round,
  safeInteger,
  WIRE_LIMITS,
} from './field-shapes.ts';
import { wireType } from './load-proto.ts';
import { messageCodec } from './message-codec.ts';
import { stream, unary, type Roles } from './method.ts';
import { getStatementsRequest, getStatementsResponse } from './statement-page.ts';

export interface SiteStatus {
  readonly organisation: OrganisationId;
  readonly approved: boolean;
  readonly connected: boolean;
  /** Null when it was never seen. */
  readonly lastSeen: Instant | null;
  /** Its last step in the round; null before the first. */
  readonly step: string | null;
}

export interface StudyStatus {
  readonly phase: string;
  /** Rounds released so far. */
  readonly round: number;
  /** Rounds of the contract. */
  readonly rounds: number;
  readonly sites: readonly SiteStatus[];
  /** Why the study failed; null when it did not. */
  readonly code: ErrorCode | null;
}

const siteCount = z.int().nonnegative().max(WIRE_LIMITS.sites);
const empty = (
  message: 'GetContractRequest' | 'SubmitWithdrawalResponse' | 'GetStatusRequest' | 'LaunchResponse' | 'StopResponse',
) => messageCodec<Nothing, object>({ name: message, type: wireType(message), shape: nothing, toWire: () => ({}) });

const getContractResponse = messageCodec({
  name: 'GetContractResponse',
  type: wireType('GetContractResponse'),
  shape: contractDocuments,
  toWire: ({ contract, approvals }: ContractDocuments) => ({ contract, approvals: [...approvals] }),
});

const submitApprovalRequest = messageCodec({
  name: 'SubmitApprovalRequest',
  type: wireType('SubmitApprovalRequest'),
  shape: z.object({ approval: bytes(WIRE_LIMITS.approvalBytes) }),
  toWire: (message) => message,
});

const submitApprovalResponse = messageCodec({
  name: 'SubmitApprovalResponse',
  type: wireType('SubmitApprovalResponse'),
  shape: z.object({ approvals: siteCount, needed: siteCount }),
  toWire: (message) => message,
});

const submitWithdrawalRequest = messageCodec({
  name: 'SubmitWithdrawalRequest',
  type: wireType('SubmitWithdrawalRequest'),
  shape: withdrawalDocument,
  toWire: (message) => message,
});

const siteStatus = z
  .object({
    organisation,
    approved: z.boolean(),
    connected: z.boolean(),
    lastSeenMs: instant.optional(),
    step: emptyIsNull(name),
  })
  .transform(({ lastSeenMs, ...site }): SiteStatus => ({ ...site, lastSeen: lastSeenMs ?? null }));

const studyStatus = messageCodec({
  name: 'StudyStatus',
  type: wireType('StudyStatus'),
  shape: z.object({
    phase: name,
    round: z.union([z.literal(0), round]),
    rounds: round,
    sites: z.array(siteStatus).max(WIRE_LIMITS.sites),
    code: emptyIsNull(errorCode),
  }),
  toWire: ({ sites, code, ...status }: StudyStatus) => ({
    ...status,
    code: code ?? '',
    sites: sites.map(({ lastSeen, step, ...site }) => ({
      ...site,
      step: step ?? '',
      ...(lastSeen === null ? {} : { lastSeenMs: lastSeen }),
    })),
  }),
});

const watchStudyRequest = messageCodec({
  name: 'WatchStudyRequest',
  type: wireType('WatchStudyRequest'),
  shape: z.object({ fromSequence: safeInteger }),
  toWire: (message) => message,
});

const launchRequest = messageCodec({
  name: 'LaunchRequest',
  type: wireType('LaunchRequest'),
  shape: z.object({ rounds: round }),
  toWire: (message) => message,
});

const stopRequest = messageCodec({
  name: 'StopRequest',
  type: wireType('StopRequest'),
  shape: z.object({ reason: line(400) }),
  toWire: (message) => message,
});

const kinds = {
  phaseChanged: z.object({ phase: name }),
  roundPhase: z.object({ round, attempt, phase: name }),
  siteProgress: z.object({ organisation, round, attempt, step: name }),
  roundReleased: z.object({ round, attempt }),
  roundAborted: z.object({ round, attempt, code: errorCode }),
  /** `code`: null when nothing was refused. */
  studyFinished: z.object({ outcome: name, code: emptyIsNull(errorCode) }),
};

/** What happened in the study; `sequence` counts from 0 without gaps. */
export type StudyEvent = EventOf<typeof kinds>;
export const studyEvent = eventCodec({ name: 'StudyEvent', type: wireType('StudyEvent'), kinds });

const service = '/consilium.v1.StudyService';
const readers: Roles = ['site', 'researcher'];
const sites: Roles = ['site'];
const researchers: Roles = ['researcher'];

/** StudyService: what the coordinator offers to hospitals and researchers. */
export const studyMethods = {
  getContract: unary({
    path: `${service}/GetContract`,
    roles: readers,
    request: empty('GetContractRequest'),
    response: getContractResponse,
  }),
  submitApproval: unary({
    path: `${service}/SubmitApproval`,
    roles: sites,
    request: submitApprovalRequest,
    response: submitApprovalResponse,
  }),
  submitWithdrawal: unary({
    path: `${service}/SubmitWithdrawal`,
    roles: sites,
    request: submitWithdrawalRequest,
    response: empty('SubmitWithdrawalResponse'),
  }),
  getStatus: unary({
    path: `${service}/GetStatus`,
    roles: readers,
    request: empty('GetStatusRequest'),
    response: studyStatus,
  }),
  /** Every event since `fromSequence`, then what comes. */
  watch: stream({ path: `${service}/Watch`, roles: readers, request: watchStudyRequest, response: studyEvent }),
  getStatements: unary({
    path: `${service}/GetStatements`,
    roles: readers,
    request: getStatementsRequest,
    response: getStatementsResponse,
  }),
  launch: unary({
    path: `${service}/Launch`,
    roles: researchers,
    request: launchRequest,
    response: empty('LaunchResponse'),
  }),
  stop: unary({ path: `${service}/Stop`, roles: researchers, request: stopRequest, response: empty('StopResponse') }),
};
