import { describe, expect, it } from 'vitest';
import type { EnclaveCommand } from '../../aggregator-enclave/event.ts';
import type { UpdateHeader } from '../../lib/audit/session-message.ts';
import { signWithdrawal } from '../../lib/contract/approval.ts';
import { organisationId } from '../../lib/core/ids.ts';
import { encodeUpdate, joinUpdate, updateCommitment } from '../../lib/learning/update-codec.ts';
import { MemoryStudy, must } from '../support/study-in-memory.ts';
import { digestOf, organisationSigner, START, testContract } from '../support/test-contract.ts';
import { roundStages, told, withdrawalOf } from './round-stages.ts';

const { begun, locked } = roundStages();

describe('PROTOCOL §7.5: updates', () => {
  const adler = organisationId('adler');
  const payloadOf = (update: { weight?: number; trainLoss?: number; coordinates?: Int32Array }): Uint8Array => {
    const coordinates = update.coordinates ?? Int32Array.of(1, 2, 3);
    return joinUpdate(
      digestOf('salt'),
      encodeUpdate({ weight: update.weight ?? 5, trainLoss: update.trainLoss ?? 0.5, coordinates }),
    );
  };
  const headerFor = (payload: Uint8Array): UpdateHeader => ({
    certificate: locked.site('adler').activity('training').certificate.digest,
    layout: locked.enclave.environment.layout.digest,
    length: payload.length,
    commit: updateCommitment(payload.subarray(0, 32), payload.subarray(32)),
  });
  const send = (payload: Uint8Array, change: Partial<UpdateHeader> = {}): string => {
    const { enclave } = locked.fork();
    const header = enclave.handle({
      type: 'receive-header',
      from: adler,
      header: { ...headerFor(payload), ...change },
    });
    return header.ok
      ? told(enclave.handle({ type: 'receive-update', from: adler, payload }))
      : `header ${told(header)}`;
  };
  const { coordinateBound, weightCap } = testContract().contract.grid;

  it('are taken when they keep every bound, to the last step', () => {
    expect(send(payloadOf({}))).toBe('done');
    expect(send(payloadOf({ weight: weightCap }))).toBe('done');
    expect(send(payloadOf({ coordinates: Int32Array.of(coordinateBound, -coordinateBound, 0) }))).toBe('done');
  });

  it('are refused beyond a bound: coordinate, weight, norm, loss (A11)', () => {
    expect(send(payloadOf({ coordinates: Int32Array.of(coordinateBound + 1, 0, 0) }))).toBe(
      'E-UPDATE-BOUND: coordinate 0',
    );
    expect(send(payloadOf({ coordinates: Int32Array.of(0, 0, -(2 ** 31)) }))).toBe('E-UPDATE-BOUND: coordinate 2');
    expect(send(payloadOf({ weight: weightCap + 1 }))).toBe('E-UPDATE-BOUND: weight');
    const bounded = testContract({ grid: { ...testContract().contract.grid, l2Bound: 10 } });
    const study = new MemoryStudy(bounded);
    study.open(1);
    study.commit();
    study.lock();
    const long = payloadOf({ coordinates: Int32Array.of(7, 7, 2) });
    expect(told(study.uploadOne(study.site('adler'), long))).toBe('E-UPDATE-BOUND: L2 norm');
    expect(told(study.uploadOne(study.site('birch'), payloadOf({ coordinates: Int32Array.of(8, 6, 0) })))).toBe('done');
    const nan = payloadOf({});
    new DataView(nan.buffer).setFloat64(32 + 8, Number.NaN, true);
    expect(send(nan)).toBe('E-UPDATE-BOUND: training loss');
    const weightless = payloadOf({});
    new DataView(weightless.buffer).setUint32(32 + 4, 0, true);
    expect(send(weightless)).toBe('E-UPDATE-BOUND: weight');
  });

  it('are refused in another shape, layout, format or length', () => {
    const payload = payloadOf({});
    expect(send(payload, { certificate: digestOf('other') })).toMatch(/^header E-ROUND-MANIFEST/);
    expect(send(payload, { layout: digestOf('other') })).toMatch(/^header E-UPDATE-SHAPE/);
    expect(send(payload, { length: payload.length + 1 })).toMatch(/^header E-UPDATE-SHAPE/);
    expect(send(payloadOf({ coordinates: Int32Array.of(1, 2) }))).toMatch(/^header E-UPDATE-SHAPE/);
    const { enclave } = locked.fork();
    must(enclave.handle({ type: 'receive-header', from: adler, header: headerFor(payload) }));
    expect(told(enclave.handle({ type: 'receive-update', from: adler, payload: payload.subarray(1) }))).toMatch(
      /^E-UPDATE-SHAPE/,
    );
    const otherFormat = Uint8Array.from(payload);
    otherFormat[32] = 2;
    expect(send(otherFormat)).toBe('E-UPDATE-SHAPE: format version');
  });

  it('are the one that was announced first; another, or another salt, is refused (A11)', () => {
    const { enclave } = locked.fork();
    const first = payloadOf({});
    const other = payloadOf({ weight: 6 });
    const resalted = joinUpdate(digestOf('other salt'), first.subarray(32));
    expect(told(enclave.handle({ type: 'receive-update', from: adler, payload: first }))).toMatch(
      /^E-UPDATE-COMMITMENT: adler: an update before/,
    );
    must(enclave.handle({ type: 'receive-header', from: adler, header: headerFor(first) }));
    expect(told(enclave.handle({ type: 'receive-header', from: adler, header: headerFor(other) }))).toBe(
      'E-UPDATE-COMMITMENT: adler',
    );
    expect(told(enclave.handle({ type: 'receive-update', from: adler, payload: other }))).toBe(
      'E-UPDATE-COMMITMENT: adler',
    );
    expect(told(enclave.handle({ type: 'receive-update', from: adler, payload: resalted }))).toBe(
      'E-UPDATE-COMMITMENT: adler',
    );
    expect(told(enclave.handle({ type: 'receive-update', from: adler, payload: first }))).toBe('done');
    expect(enclave.state.phase === 'collecting' && enclave.state.sum.members).toBe(1);
  });

  it('are refused from hospitals outside the cohort, and from one that withdrew before its last frame (§6.3)', () => {
    const payload = payloadOf({});
    const stranger = { type: 'receive-header', from: organisationId('elm'), header: headerFor(payload) } as const;
    expect(told(locked.enclave.fork().handle(stranger))).toMatch(/^E-ORG-UNKNOWN/);
    const { enclave } = locked.fork();
    must(enclave.handle({ type: 'receive-header', from: adler, header: headerFor(payload) }));
    must(enclave.handle(withdrawalOf(begun, 'adler')));
    expect(told(enclave.handle({ type: 'receive-update', from: adler, payload }))).toBe('E-SITE-WITHDRAWN: adler');
    expect(told(enclave.handle({ type: 'receive-header', from: adler, header: headerFor(payload) }))).toBe(
      'E-SITE-WITHDRAWN: adler',
    );
  });

  it('a withdrawal is the hospital’s own word', () => {
    const { enclave } = locked.fork();
    expect(
      told(enclave.handle({ ...withdrawalOf(begun, 'adler'), from: organisationId('birch') } as EnclaveCommand)),
    ).toBe('E-ORG-IDENTITY: birch');
    const fields = { contract: begun.sealed.digest, organisation: adler, at: START };
    const forged = signWithdrawal(fields, organisationSigner('birch'));
    expect(told(enclave.handle({ type: 'receive-withdrawal', from: adler, withdrawal: forged }))).toMatch(
      /^E-APPROVAL-INVALID/,
    );
  });
});
