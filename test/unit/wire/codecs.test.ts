import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../../lib/core/errors.ts';
import { instant, organisationId, type Digest } from '../../../lib/core/ids.ts';
import { controlMethods, enclaveEvent, type EnclaveEvent } from '../../../lib/wire/control-codec.ts';
import { WIRE_LIMITS } from '../../../lib/wire/field-shapes.ts';
import { healthMethods } from '../../../lib/wire/health-codec.ts';
import { healthType, wireType } from '../../../lib/wire/load-proto.ts';
import type { MessageCodec } from '../../../lib/wire/message-codec.ts';
import { frameCodec, MAX_FRAME_BYTES } from '../../../lib/wire/session-codec.ts';
import { statementPage } from '../../../lib/wire/statement-page.ts';
import { studyEvent, studyMethods, type StudyEvent } from '../../../lib/wire/study-codec.ts';

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const site = organisationId('alpha');
const at = instant(1_700_000_000_000);
const digest = bytes(32) as Digest;

/** Every message type: its codec, a good message, and the good message as the protobuf library takes it. */
const { load, advance, withdraw, watch } = controlMethods;
const study = studyMethods;
interface Sample {
  readonly codec: MessageCodec<unknown>;
  readonly message: unknown;
}
const SAMPLES: Readonly<Record<string, Sample>> = {
  Frame: { codec: frameCodec, message: bytes(10) },
  LoadRequest: {
    codec: load.request,
    message: { contract: bytes(9), approvals: [bytes(2)], predecessor: bytes(7) },
  },
  LoadResponse: { codec: load.response, message: { genesisDigest: digest, counter: 7 } },
  AdvanceRequest: {
    codec: advance.request,
    message: { action: 'abortRound', round: 3, attempt: 1 },
  },
  AdvanceResponse: {
    codec: advance.response,
    message: { phase: 'open', counter: 0, headDigest: digest },
  },
  WithdrawRequest: { codec: withdraw.request, message: { withdrawal: bytes(4) } },
  WatchRequest: { codec: watch.request, message: { fromSequence: Number.MAX_SAFE_INTEGER } },
  GetContractResponse: {
    codec: study.getContract.response,
    message: { contract: bytes(9), approvals: [] },
  },
  SubmitApprovalRequest: {
    codec: study.submitApproval.request,
    message: { approval: bytes(4) },
  },
  SubmitApprovalResponse: {
    codec: study.submitApproval.response,
    message: { approvals: 0, needed: 3 },
  },
  SubmitWithdrawalRequest: {
    codec: study.submitWithdrawal.request,
    message: { withdrawal: bytes(4) },
  },
  StudyStatus: {
    codec: study.getStatus.response,
    message: {
      phase: 'running',
      round: 0,
      rounds: 20,
      code: 'E-STATE-BEHIND',
      sites: [
        { organisation: site, approved: false, connected: true, lastSeen: at, step: 'training' },
        { organisation: organisationId('beta'), approved: true, connected: false, lastSeen: null, step: null },
      ],
    },
  },
  WatchStudyRequest: { codec: study.watch.request, message: { fromSequence: 0 } },
  GetStatementsRequest: {
    codec: study.getStatements.request,
    message: { fromCounter: 0, limit: 1000 },
  },
  GetStatementsResponse: {
    codec: study.getStatements.response,
    message: { statements: [bytes(1), bytes(2)] },
  },
  LaunchRequest: { codec: study.launch.request, message: { rounds: 20 } },
  StopRequest: { codec: study.stop.request, message: { reason: '' } },
};

const stamp = { sequence: 0, at };
const place = { organisation: site, round: 1, attempt: 2 };
const ENCLAVE_EVENTS: readonly EnclaveEvent[] = [
  { ...stamp, kind: 'statementIssued', statement: bytes(3), type: 'genesis', round: 0, attempt: 0 },
  { ...stamp, kind: 'sessionOpened', organisation: site },
  { ...stamp, kind: 'sessionClosed', organisation: site, code: null },
  { ...stamp, kind: 'sessionClosed', organisation: site, code: 'E-CHANNEL-FRAME' },
  { ...stamp, kind: 'commitReceived', ...place },
  { ...stamp, kind: 'updateReceived', ...place },
  { ...stamp, kind: 'acknowledgementReceived', ...place },
  { ...stamp, kind: 'refused', organisation: null, code: 'E-ORG-UNKNOWN', detail: '' },
  { ...stamp, kind: 'refused', organisation: site, code: 'E-UPDATE-BOUND', detail: 'norm ≥ bound' },
  { ...stamp, kind: 'publicationRenewed', evidence: bytes(5) },
  { ...stamp, kind: 'halted', code: 'E-STATE-BEHIND', detail: 'cedar' },
  { ...stamp, kind: 'approvalRecorded', organisation: site, approval: bytes(6) },
  { ...stamp, kind: 'withdrawalRecorded', organisation: site, withdrawal: bytes(7) },
];
const STUDY_EVENTS: readonly StudyEvent[] = [
  { ...stamp, kind: 'phaseChanged', phase: 'running' },
  { ...stamp, kind: 'roundPhase', round: 1, attempt: 1, phase: 'collecting' },
  { ...stamp, kind: 'siteProgress', ...place, step: 'uploading' },
  { ...stamp, kind: 'roundReleased', round: 1, attempt: 2 },
  { ...stamp, kind: 'roundAborted', round: 1, attempt: 1, code: 'E-ACKS-MISSING' },
  { ...stamp, kind: 'studyFinished', outcome: 'finished', code: null },
];

describe('every message comes back as it was sent', () => {
  it.each(Object.entries(SAMPLES))('%s', (_name, { codec, message }) => {
    expect(codec.decode(codec.encode(message))).toStrictEqual({ ok: true, value: message });
  });
  it.each(ENCLAVE_EVENTS)('EnclaveEvent $kind', (event) => {
    expect(enclaveEvent.decode(enclaveEvent.encode(event))).toStrictEqual({ ok: true, value: event });
  });
  it.each(STUDY_EVENTS)('StudyEvent $kind', (event) => {
    expect(studyEvent.decode(studyEvent.encode(event))).toStrictEqual({ ok: true, value: event });
  });
  it('HealthCheckResponse', () => {
    const { request, response } = healthMethods.check;
    expect(request.decode(request.encode({ service: '' }))).toStrictEqual({ ok: true, value: { service: '' } });
    expect(response.decode(response.encode({ status: 'SERVING' }))).toMatchObject({ value: { status: 'SERVING' } });
  });
});

describe('every field is checked', () => {
  const good = { contract: bytes(1), approvals: [bytes(1)] };
  const round = { round: 1, attempt: 1 };
  const dated = { sequence: 1, atMs: 1 };
  const step = { organisation: 'alpha', ...round };
  const status = { phase: 'open', round: 0, rounds: 1 };
  const seen = { organisation: 'alpha', approved: true, connected: true };
  /** [message, its field, the bad message]; each differs from a good one in that field alone. */
  const cases: readonly (readonly [Parameters<typeof wireType>[0], string, object])[] = [
    ['Frame', 'payload', {}],
    ['Frame', 'payload', { payload: bytes(MAX_FRAME_BYTES + 1) }],
    ['LoadRequest', 'contract', { approvals: [] }],
    ['LoadRequest', 'predecessor', { ...good, predecessor: bytes(WIRE_LIMITS.bundleBytes + 1) }],
    ['LoadRequest', 'contract', { contract: bytes(WIRE_LIMITS.contractBytes + 1) }],
    ['LoadRequest', 'approvals.0', { ...good, approvals: [bytes(0)] }],
    ['LoadRequest', 'approvals.1', { ...good, approvals: [bytes(1), bytes(WIRE_LIMITS.approvalBytes + 1)] }],
    ['LoadRequest', 'approvals', { ...good, approvals: Array.from({ length: 1001 }, () => bytes(1)) }],
    ['LoadResponse', 'genesisDigest', { counter: 0 }],
    ['LoadResponse', 'genesisDigest', { counter: 0, genesisDigest: bytes(31) }],
    ['LoadResponse', 'genesisDigest', { counter: 0, genesisDigest: bytes(33) }],
    ['LoadResponse', 'counter', { genesisDigest: digest }],
    ['LoadResponse', 'counter', { genesisDigest: digest, counter: 2 ** 53 }],
    ['WithdrawRequest', 'withdrawal', {}],
    ['WithdrawRequest', 'withdrawal', { withdrawal: bytes(WIRE_LIMITS.approvalBytes + 1) }],
    ['AdvanceRequest', 'action', round],
    ['AdvanceRequest', 'round', { openRound: {}, attempt: 1 }],
    ['AdvanceRequest', 'round', { openRound: {}, round: 0, attempt: 1 }],
    ['AdvanceRequest', 'round', { openRound: {}, round: 100_001, attempt: 1 }],
    ['AdvanceRequest', 'attempt', { openRound: {}, round: 1 }],
    ['AdvanceRequest', 'attempt', { openRound: {}, round: 1, attempt: 0 }],
    ['AdvanceRequest', 'attempt', { openRound: {}, round: 1, attempt: 1_000_001 }],
    ['AdvanceResponse', 'phase', { counter: 0, headDigest: digest }],
    ['AdvanceResponse', 'phase', { phase: 'two words', counter: 0, headDigest: digest }],
    ['AdvanceResponse', 'phase', { phase: 'x'.repeat(65), counter: 0, headDigest: digest }],
    ['AdvanceResponse', 'counter', { phase: 'open', headDigest: digest }],
    ['AdvanceResponse', 'counter', { phase: 'open', counter: 2 ** 53, headDigest: digest }],
    ['AdvanceResponse', 'counter', { phase: 'open', counter: '18446744073709551615', headDigest: digest }],
    ['AdvanceResponse', 'headDigest', { phase: 'open', counter: 0, headDigest: bytes(16) }],
    ['WatchRequest', 'fromSequence', {}],
    ['EnclaveEvent', 'sequence', { atMs: 1, sessionOpened: { organisation: 'alpha' } }],
    ['EnclaveEvent', 'atMs', { sequence: 1, sessionOpened: { organisation: 'alpha' } }],
    ['EnclaveEvent', 'atMs', { sequence: 1, atMs: 2 ** 60, sessionOpened: { organisation: 'alpha' } }],
    ['EnclaveEvent', 'kind', dated],
    ['EnclaveEvent', 'sessionOpened.organisation', { ...dated, sessionOpened: {} }],
    ['EnclaveEvent', 'sessionOpened.organisation', { ...dated, sessionOpened: { organisation: '../etc' } }],
    ['EnclaveEvent', 'sessionClosed.code', { ...dated, sessionClosed: { organisation: 'alpha', code: 'E-NONE' } }],
    ['EnclaveEvent', 'commitReceived.round', { ...dated, commitReceived: { ...step, round: 0 } }],
    ['EnclaveEvent', 'updateReceived.attempt', { ...dated, updateReceived: { ...step, attempt: 0 } }],
    ['EnclaveEvent', 'acknowledgementReceived.organisation', { ...dated, acknowledgementReceived: round }],
    ['EnclaveEvent', 'statementIssued.statement', { ...dated, statementIssued: { type: 'release', ...round } }],
    ['EnclaveEvent', 'statementIssued.type', { ...dated, statementIssued: { statement: bytes(1), ...round } }],
    [
      'EnclaveEvent',
      'statementIssued.round',
      { ...dated, statementIssued: { statement: bytes(1), type: 'release', attempt: 1 } },
    ],
    ['EnclaveEvent', 'approvalRecorded.approval', { ...dated, approvalRecorded: { organisation: 'alpha' } }],
    ['EnclaveEvent', 'approvalRecorded.organisation', { ...dated, approvalRecorded: { approval: bytes(1) } }],
    ['EnclaveEvent', 'withdrawalRecorded.withdrawal', { ...dated, withdrawalRecorded: { organisation: 'alpha' } }],
    [
      'EnclaveEvent',
      'withdrawalRecorded.withdrawal',
      { ...dated, withdrawalRecorded: { organisation: 'alpha', withdrawal: bytes(WIRE_LIMITS.approvalBytes + 1) } },
    ],
    ['EnclaveEvent', 'refused.code', { ...dated, refused: { organisation: 'alpha' } }],
    ['EnclaveEvent', 'refused.detail', { ...dated, refused: { code: 'E-USAGE', detail: 'x'.repeat(1001) } }],
    ['EnclaveEvent', 'refused.detail', { ...dated, refused: { code: 'E-USAGE', detail: 'a\n{"forged":"line"}' } }],
    ['EnclaveEvent', 'publicationRenewed.evidence', { ...dated, publicationRenewed: {} }],
    ['EnclaveEvent', 'halted.code', { ...dated, halted: { detail: '' } }],
    ['EnclaveEvent', 'publicationRenewed.evidence', { ...dated, publicationRenewed: { evidence: bytes(65_537) } }],
    ['GetContractResponse', 'contract', {}],
    ['SubmitApprovalRequest', 'approval', {}],
    ['SubmitApprovalRequest', 'approval', { approval: bytes(WIRE_LIMITS.approvalBytes + 1) }],
    ['SubmitApprovalResponse', 'approvals', { needed: 1 }],
    ['SubmitApprovalResponse', 'needed', { approvals: 1, needed: 1001 }],
    ['SubmitWithdrawalRequest', 'withdrawal', {}],
    ['StudyStatus', 'phase', { round: 0, rounds: 1 }],
    ['StudyStatus', 'round', { phase: 'open', rounds: 1 }],
    ['StudyStatus', 'rounds', { ...status, rounds: 0 }],
    ['StudyStatus', 'sites', { ...status, sites: Array.from({ length: 1001 }, () => seen) }],
    ['StudyStatus', 'sites.0.organisation', { ...status, sites: [{ ...seen, organisation: '' }] }],
    ['StudyStatus', 'sites.0.approved', { ...status, sites: [{ organisation: 'alpha', connected: true }] }],
    ['StudyStatus', 'sites.0.connected', { ...status, sites: [{ organisation: 'alpha', approved: true }] }],
    ['StudyStatus', 'sites.0.lastSeenMs', { ...status, sites: [{ ...seen, lastSeenMs: 2 ** 53 }] }],
    ['StudyStatus', 'sites.0.step', { ...status, sites: [{ ...seen, step: 'a b' }] }],
    ['WatchStudyRequest', 'fromSequence', {}],
    ['StudyEvent', 'kind', dated],
    ['StudyEvent', 'phaseChanged.phase', { ...dated, phaseChanged: {} }],
    ['StudyEvent', 'roundPhase.phase', { ...dated, roundPhase: round }],
    ['StudyEvent', 'siteProgress.step', { ...dated, siteProgress: step }],
    ['StudyEvent', 'roundReleased.attempt', { ...dated, roundReleased: { round: 1 } }],
    ['StudyEvent', 'roundReleased.round', { ...dated, roundReleased: { round: 0, attempt: 1 } }],
    ['StudyEvent', 'roundAborted.code', { ...dated, roundAborted: round }],
    ['StudyEvent', 'studyFinished.outcome', { ...dated, studyFinished: {} }],
    ['StudyEvent', 'studyFinished.code', { ...dated, studyFinished: { outcome: 'failed', code: 'toString' } }],
    ['GetStatementsRequest', 'fromCounter', { limit: 1 }],
    ['GetStatementsRequest', 'limit', { fromCounter: 0 }],
    ['GetStatementsRequest', 'limit', { fromCounter: 0, limit: 1001 }],
    ['GetStatementsResponse', 'statements.0', { statements: [bytes(0)] }],
    ['GetStatementsResponse', 'statements', { statements: Array.from({ length: 1001 }, () => bytes(1)) }],
    ['LaunchRequest', 'rounds', {}],
    ['LaunchRequest', 'rounds', { rounds: 0 }],
    ['StopRequest', 'reason', { reason: 'x'.repeat(401) }],
    ['StopRequest', 'reason', { reason: 'a\u001b[2J' }],
  ];
  const codecs: Readonly<Record<string, MessageCodec<unknown>>> = {
    ...Object.fromEntries(Object.entries(SAMPLES).map(([name, { codec }]) => [name, codec])),
    EnclaveEvent: enclaveEvent,
    StudyEvent: studyEvent,
  };

  it.each(cases)('%s.%s', (name, field, bad) => {
    const decoded = codecs[name]?.decode(wireType(name).serialize(bad));
    expect(decoded).toMatchObject({ ok: false, error: { code: 'E-MESSAGE-INVALID' } });
    const detail = decoded?.ok === false ? decoded.error.detail : '';
    expect(detail.startsWith(`${name}: ${field}: `)).toBe(true);
    expect(detail).not.toContain('; ');
  });

  it('refuses a health status that the interface does not have', () => {
    const decoded = healthMethods.check.response.decode(Buffer.of(0x08, 0x09));
    expect(decoded).toMatchObject({ ok: false, error: { code: 'E-MESSAGE-INVALID' } });
    const long = healthType('HealthCheckRequest').serialize({ service: 'x'.repeat(201) });
    expect(healthMethods.check.request.decode(long)).toMatchObject({ error: { code: 'E-MESSAGE-INVALID' } });
  });

  it('names every bad field at once', () => {
    const decoded = advance.request.decode(Buffer.alloc(0));
    const detail = decoded.ok ? '' : decoded.error.detail;
    expect(detail.split('; ').map((issue) => issue.replace('AdvanceRequest: ', '').split(':')[0])).toEqual([
      'action',
      'round',
      'attempt',
    ]);
  });

  it('does not send what it would refuse', () => {
    expect(() => advance.request.encode({ action: 'openRound', round: 0, attempt: 1 })).toThrow(/round/);
    expect(() => frameCodec.encode(bytes(MAX_FRAME_BYTES + 1))).toThrow(/payload/);
  });
});

describe('decoding is total', () => {
  const all = [
    ...Object.values(SAMPLES).map(({ codec }) => codec),
    enclaveEvent,
    studyEvent,
    healthMethods.check.request,
    healthMethods.check.response,
  ];
  const refusesOrReads = (codec: MessageCodec<unknown>, input: Uint8Array): void => {
    const decoded = codec.decode(input);
    if (!decoded.ok) {
      expect(decoded.error.code).toBe('E-MESSAGE-INVALID');
      expect(Object.hasOwn(ERRORS, decoded.error.code)).toBe(true);
      return;
    }
    // What was read is a message that can be sent: no field slipped through unchecked.
    expect(codec.decode(codec.encode(decoded.value))).toStrictEqual(decoded);
  };

  it('on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...all), (input, codec) => {
        refusesOrReads(codec, input);
      }),
      { numRuns: 3000 },
    );
  });

  it('on good messages with one byte changed, cut or added', () => {
    const samples = Object.values(SAMPLES);
    const events = ENCLAVE_EVENTS.map((message): Sample => ({ codec: enclaveEvent, message }));
    const damage = fc.record({
      at: fc.nat(300),
      to: fc.nat(255),
      cut: fc.nat(3),
      tail: fc.uint8Array({ maxLength: 8 }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...samples, ...events),
        damage,
        ({ codec, message }, { at: index, to, cut, tail }) => {
          const good = codec.encode(message);
          const bad = Buffer.concat([good.subarray(0, good.length - cut), tail]);
          if (index < bad.length) bad[index] = to;
          refusesOrReads(codec, bad);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('on groups nested deeper than the stack', () => {
    for (const codec of all) {
      refusesOrReads(codec, new Uint8Array(1 << 20).fill(0x7b));
      refusesOrReads(codec, Buffer.concat([new Uint8Array(200_000).fill(0x7b), new Uint8Array(200_000).fill(0x7c)]));
    }
  });

  it('on lengths that promise more than there is', () => {
    refusesOrReads(frameCodec, Buffer.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1));
    refusesOrReads(load.request, Buffer.of(0x12, 0xff, 0xff, 0xff, 0x7f));
  });
});

describe('a page of statements', () => {
  it('holds at most the limit, fits one message, and is never empty when there is one', () => {
    const half = bytes(WIRE_LIMITS.statementPageBytes / 2);
    expect(statementPage([], 5)).toEqual([]);
    expect(statementPage([bytes(1), bytes(2), bytes(3)], 2).map(({ length }) => length)).toEqual([1, 2]);
    expect(statementPage([half, half, bytes(1)], 5)).toHaveLength(2);
    expect(statementPage([bytes(WIRE_LIMITS.statementPageBytes + 1), bytes(1)], 5)).toHaveLength(1);
  });
});
