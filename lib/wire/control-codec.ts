import { z } from 'zod';
import type { Digest } from '../core/ids.ts';
import { eventCodec, type EventOf } from './event-codec.ts';
import {
  attempt,
  bytes,
  digest,
  emptyBytesAreAbsent,
  emptyIsNull,
  errorCode,
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

/** The signed contract and its approvals, opaque here. */
export interface ContractDocuments {
  readonly contract: Uint8Array;
  readonly approvals: readonly Uint8Array[];
}

/** What an enclave is given to begin a study, or to go on with it; opaque here. */
export interface LoadDocuments extends ContractDocuments {
  /** Passport bundle of the release that a successor contract goes on from; absent: none. */
  readonly predecessor?: Uint8Array | undefined;
}

const ACTIONS = ['openRound', 'lockCohort', 'closeCollection', 'closeAcknowledgement', 'abortRound'] as const;
/** What the coordinator asks the enclave to do next; the enclave's own rules decide whether it does. */
export type EnclaveAction = (typeof ACTIONS)[number];

export interface AdvanceRequest {
  readonly action: EnclaveAction;
  readonly round: number;
  readonly attempt: number;
}

export interface AdvanceResponse {
  readonly phase: string;
  /** Of the newest statement, with its digest. */
  readonly counter: number;
  readonly headDigest: Digest;
}

export const contractDocuments = z.object({
  contract: bytes(WIRE_LIMITS.contractBytes),
  approvals: z.array(bytes(WIRE_LIMITS.approvalBytes)).max(WIRE_LIMITS.approvals),
});

/** A signed withdrawal, opaque here. */
export const withdrawalDocument = z.object({ withdrawal: bytes(WIRE_LIMITS.approvalBytes) });

export type Nothing = Record<string, never>;
export const nothing = z.object({});

const loadRequest = messageCodec({
  name: 'LoadRequest',
  type: wireType('LoadRequest'),
  shape: contractDocuments.extend({ predecessor: emptyBytesAreAbsent(WIRE_LIMITS.bundleBytes).optional() }),
  toWire: ({ contract, approvals, predecessor }: LoadDocuments) => ({
    contract,
    approvals: [...approvals],
    predecessor: predecessor ?? new Uint8Array(),
  }),
});

export interface LoadResponse {
  readonly genesisDigest: Digest;
  /** Of the newest statement: whoever watches has heard all of the past with it. */
  readonly counter: number;
}

const loadResponse = messageCodec({
  name: 'LoadResponse',
  type: wireType('LoadResponse'),
  shape: z.object({ genesisDigest: digest, counter: safeInteger }),
  toWire: (message: LoadResponse) => message,
});

const advanceRequest = messageCodec({
  name: 'AdvanceRequest',
  type: wireType('AdvanceRequest'),
  shape: z.object({ action: z.enum(ACTIONS), round, attempt }),
  toWire: ({ action, ...place }: AdvanceRequest) => ({ [action]: {}, ...place }),
});

const advanceResponse = messageCodec({
  name: 'AdvanceResponse',
  type: wireType('AdvanceResponse'),
  shape: z.object({ phase: name, counter: safeInteger, headDigest: digest }),
  toWire: (message: AdvanceResponse) => message,
});

const withdrawRequest = messageCodec({
  name: 'WithdrawRequest',
  type: wireType('WithdrawRequest'),
  shape: withdrawalDocument,
  toWire: (message) => message,
});

const withdrawResponse = messageCodec<Nothing, object>({
  name: 'WithdrawResponse',
  type: wireType('WithdrawResponse'),
  shape: nothing,
  toWire: () => ({}),
});

const watchRequest = messageCodec({
  name: 'WatchRequest',
  type: wireType('WatchRequest'),
  shape: z.object({ fromSequence: safeInteger }),
  toWire: (message) => message,
});

/** Longest `detail` of a `refused` or `halted` event, in UTF-16 units; anybody's words pass `plainLine` first. */
export const MAX_REFUSED_DETAIL = 1000;

const step = z.object({ organisation, round, attempt });
const kinds = {
  /** `round` and `attempt` are 0 for a statement outside any round, such as genesis. */
  statementIssued: z.object({
    statement: bytes(WIRE_LIMITS.statementBytes),
    type: name,
    round: z.union([z.literal(0), round]),
    attempt: z.union([z.literal(0), attempt]),
  }),
  sessionOpened: z.object({ organisation }),
  /** `code`: null when the session ended cleanly. */
  sessionClosed: z.object({ organisation, code: emptyIsNull(errorCode) }),
  commitReceived: step,
  updateReceived: step,
  acknowledgementReceived: step,
  /** `organisation`: null when the peer had not said who it is. */
  refused: z.object({ organisation: emptyIsNull(organisation), code: errorCode, detail: line(MAX_REFUSED_DETAIL) }),
  halted: z.object({ code: errorCode, detail: line(MAX_REFUSED_DETAIL) }),
  publicationRenewed: z.object({ evidence: bytes(WIRE_LIMITS.evidenceBytes) }),
  /** What the hospital signed, whichever way it came to the enclave. */
  approvalRecorded: z.object({ organisation, approval: bytes(WIRE_LIMITS.approvalBytes) }),
  withdrawalRecorded: z.object({ organisation, withdrawal: bytes(WIRE_LIMITS.approvalBytes) }),
};

/** What happened in the enclave; `sequence` counts from 0, with gaps where older ones were forgotten. */
export type EnclaveEvent = EventOf<typeof kinds>;
export const enclaveEvent = eventCodec({ name: 'EnclaveEvent', type: wireType('EnclaveEvent'), kinds });

const service = '/consilium.v1.EnclaveControlService';
const roles: Roles = ['coordinator'];

/** EnclaveControlService: the coordinator asks, the enclave decides. */
export const controlMethods = {
  load: unary({ path: `${service}/Load`, roles, request: loadRequest, response: loadResponse }),
  advance: unary({ path: `${service}/Advance`, roles, request: advanceRequest, response: advanceResponse }),
  withdraw: unary({ path: `${service}/Withdraw`, roles, request: withdrawRequest, response: withdrawResponse }),
  /** What the enclave stated in every boot. */
  getStatements: unary({
    path: `${service}/GetStatements`,
    roles,
    request: getStatementsRequest,
    response: getStatementsResponse,
  }),
  /** Every event of this boot that is still kept since `fromSequence`, then what comes. */
  watch: stream({ path: `${service}/Watch`, roles, request: watchRequest, response: enclaveEvent }),
};
