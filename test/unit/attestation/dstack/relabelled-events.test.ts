import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { POLICY_FORMAT, readPolicy } from '../../../../lib/attestation/policy/policy.ts';
import { verifyEvidence, type EvidenceVerdict } from '../../../../lib/attestation/verify-evidence.ts';
import { intelAuthority, intelCollateral, tdxQuote } from '../../../authorities/intel-authority.ts';

interface RuntimeEvent {
  readonly name: string;
  readonly payload: Uint8Array;
}

const RUNTIME_EVENT = 0x0800_0001;
const intel = intelAuthority();
const AT = intel.at.getTime();
const sha384 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha384').update(Buffer.concat(parts)).digest();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const event = (name: string, payload: Uint8Array = Buffer.alloc(0)): RuntimeEvent => ({ name, payload });

/** What the guest extends RTMR3 by is the digest of this. */
const preimage = ({ name, payload }: RuntimeEvent): Buffer =>
  Buffer.concat([Buffer.of(1, 0, 0, 8), Buffer.from(`:${name}:`), payload]);

const logged = (one: RuntimeEvent): object => ({
  imr: 3,
  event_type: RUNTIME_EVENT,
  digest: hex(sha384(preimage(one))),
  event: one.name,
  event_payload: hex(one.payload),
});

/** The same digest under another name: the content is the digest's own preimage, so that it seems to be covered. */
const relabelled = (one: RuntimeEvent, index: number): object => ({
  ...logged(one),
  event_type: 1,
  event: `boot ${index}`,
  event_payload: hex(preimage(one)),
});

const WANTED = Buffer.alloc(32, 0x60);
/** The system records the application that really runs; the application then emits events of its own. */
const recorded = [
  event('app-id', Buffer.alloc(20, 0xee)),
  event('compose-hash', Buffer.alloc(32, 0xee)),
  event('boot-mr-done'),
  event('system-ready'),
];
const emitted = [event('app-id', WANTED.subarray(0, 20)), event('compose-hash', WANTED), event('system-ready')];

function verdict(extended: readonly RuntimeEvent[], log: readonly object[], rules: object = {}): EvidenceVerdict {
  const rtmr3 = extended.reduce<Buffer>((before, one) => sha384(before, sha384(preimage(one))), Buffer.alloc(48));
  const zero = Buffer.alloc(48);
  const quote = tdxQuote(intel, { rtmr: [zero, zero, zero, rtmr3] });
  const policy = readPolicy({ format: POLICY_FORMAT, dstack: { composeHashes: [hex(WANTED)], ...rules } });
  if (!policy.ok) throw new Error(policy.error.map(({ detail }) => detail).join());
  return verifyEvidence({
    format: 'dstack',
    bytes: Buffer.from(JSON.stringify({ quote: hex(quote), event_log: JSON.stringify(log) })),
    collateral: intelCollateral(intel, 'tdx'),
    at: AT,
    roots: intel.roots,
    policy: policy.value,
  });
}

const zero = ['00'.repeat(48)];
const system = { mrTds: ['7d'.repeat(48)], rtmr0: zero, rtmr1: zero, rtmr2: zero };
const failed = ({ checks }: EvidenceVerdict): string[] =>
  checks.filter(({ passed }) => !passed).map(({ name }) => name);

describe('an application that emits the events of another one', () => {
  test('is told from it by what the system recorded before', () => {
    const result = verdict([...recorded, ...emitted], [...recorded, ...emitted].map(logged), system);
    expect(failed(result)).toEqual(['compose hash']);
  });

  test('cannot hide what the system recorded under other names', () => {
    const log = [...recorded.map(relabelled), ...emitted.map(logged)];
    const result = verdict([...recorded, ...emitted], log, system);
    expect(result).toMatchObject({ outcome: 'not-authentic', claims: null });
    expect(failed(result)).toEqual(['event contents']);
    const nameless = [
      ...recorded.map((one, index) => ({ ...relabelled(one, index), event: '' })),
      ...emitted.map(logged),
    ];
    expect(failed(verdict([...recorded, ...emitted], nameless, system))).toEqual(['event contents']);
  });

  test('cannot move a part of a payload into the name', () => {
    const split = event('compose-hash', Buffer.concat([Buffer.from('ab:'), Buffer.alloc(29, 0xee)]));
    const same = event('compose-hash:ab', Buffer.alloc(29, 0xee));
    expect(preimage(same)).toEqual(preimage(split));
    const late = [event('compose-hash', WANTED), event('system-ready')];
    const result = verdict([split, ...late], [same, ...late].map(logged), system);
    expect(failed(result)).toEqual(['system events']);
  });
});

describe('events name an application only together with the system that wrote them', () => {
  const honest = [...emitted];

  test('with firmware and system they do', () => {
    expect(failed(verdict(honest, honest.map(logged), system))).toEqual([]);
  });

  test.each([
    ['no register', {}],
    ['the firmware alone', { mrTds: system.mrTds }],
    ['no firmware', { ...system, mrTds: undefined }],
    ['no kernel', { ...system, rtmr1: undefined }],
  ])('%s: anybody can write them', (_, rules) => {
    expect(failed(verdict(honest, honest.map(logged), rules))).toEqual(['program']);
  });

  test('a system without application runs any', () => {
    expect(failed(verdict(honest, honest.map(logged), { ...system, composeHashes: undefined }))).toEqual(['program']);
  });
});
