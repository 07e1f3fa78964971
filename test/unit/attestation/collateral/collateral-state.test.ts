import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acceptItems,
  EMPTY_STATE,
  encodeState,
  readState,
  type Accepted,
  type CollateralState,
} from '../../../../lib/attestation/collateral/collateral-state.ts';
import type { CollateralItem } from '../../../../lib/attestation/collateral/collateral.ts';
import { encodeCbor } from '../../../../lib/core/cbor.ts';
import { collateralOf } from '../../../authorities/amd-authority.ts';
import {
  intelAuthority,
  intelCollateral,
  intelList,
  tcbInfo,
  qeIdentity,
} from '../../../authorities/intel-authority.ts';
import { nvidiaAuthority } from '../../../authorities/nvidia-authority.ts';
import { certify } from '../../../authorities/x509-authority.ts';

const intel = intelAuthority();
const nvidia = nvidiaAuthority();
const roots = { ...nvidia.roots, intel: intel.roots.intel };
const date = (text: string): Date => new Date(`2026-${text}T00:00:00Z`);
const info = (issued: string, number: number, fmspc = '00906ED50000'): CollateralItem =>
  tcbInfo(intel, {
    overrides: { issueDate: `2026-${issued}T00:00:00Z`, tcbEvaluationDataNumber: number, fmspc },
  });
const list = (issued: string, number: number): CollateralItem =>
  intelList(intel, intel.root, { thisUpdate: date(issued), number });
const answer = (issued: string): CollateralItem =>
  nvidia.ocsp(nvidia.rimSigner, nvidia.rimIssuer, { thisUpdate: date(issued) });

function accepted(state: CollateralState, ...given: readonly CollateralItem[]): Accepted {
  const result = acceptItems(state, given, roots);
  if (!result.ok) throw new Error(result.error.map(({ detail }) => detail).join('; '));
  return result.value;
}
const after = (...batches: readonly CollateralItem[][]): CollateralState =>
  batches.reduce<CollateralState>((state, given) => accepted(state, ...given).state, EMPTY_STATE);

describe('high-water marks', () => {
  const rim = nvidia.rims();
  it.each<[string, CollateralItem[], CollateralItem, boolean]>([
    ['TCB info of a later date and number', [info('05-02', 20)], info('05-03', 21), true],
    ['TCB info of the same number and a later date', [info('05-02', 20)], info('05-03', 20), true],
    ['the same again', [info('05-02', 20)], info('05-02', 20), true],
    ['TCB info of an earlier date', [info('05-02', 20)], info('05-01', 20), false],
    ['TCB info of a lower number, dated later', [info('05-02', 20)], info('05-03', 19), false],
    ['TCB info of another machine', [info('05-02', 20)], info('05-01', 19, '00906ED50001'), true],
    [
      'TCB info of TDX after that of SGX',
      [info('05-02', 20)],
      tcbInfo(intel, { tee: 'tdx', overrides: { tcbEvaluationDataNumber: 3 } }),
      true,
    ],
    [
      'a QE identity of a lower number',
      [qeIdentity(intel)],
      qeIdentity(intel, { overrides: { tcbEvaluationDataNumber: 19 } }),
      false,
    ],
    ['a list of a later number', [list('05-02', 4)], list('05-03', 5), true],
    ['a list of an earlier number', [list('05-02', 4)], list('05-03', 3), false],
    ['a list of an earlier date', [list('05-02', 4)], list('05-01', 5), false],
    ['a list of another authority', [list('05-02', 4)], intelList(intel, intel.ca, { number: 1 }), true],
    ['a later OCSP answer', [...rim, answer('05-30')], answer('05-31'), true],
    ['an earlier OCSP answer', [...rim, answer('05-30')], answer('05-29'), false],
  ])('%s', (_, before, item, allowed) => {
    const authorities = collateralOf(intel.root, intel.ca);
    const state = after([...authorities, ...before]);
    const { older, state: next } = accepted(state, item);
    expect(older.map(({ code }) => code)).toEqual(allowed ? [] : ['E-COLLATERAL-OLDER']);
    if (!allowed) expect(next).toEqual(state);
    // What was refused stays refused after it was written and read again.
    const read = readState(encodeState(next));
    expect(read.ok && accepted(read.value, item).older.length).toBe(allowed ? 0 : 1);
  });

  it('refuse a RIM whose signer is older, since RIMs bear no date', () => {
    const signerSince = (start: string) =>
      certify({
        name: 'Signer',
        algorithm: 'p384-sha384',
        issuer: nvidia.rimIssuer,
        notBefore: date(start),
        notAfter: date('12-01'),
      });
    const signedBy = (start: string): CollateralItem => {
      const signer = signerSince(start);
      const certificates = [signer, nvidia.rimIssuer, nvidia.rimRoot];
      return { kind: 'rim', text: nvidia.rim({ version: '1.0', active: {}, signer, certificates }) };
    };
    const state = after([signedBy('03-01')]);
    expect(accepted(state, signedBy('04-01')).older).toEqual([]);
    expect(accepted(state, signedBy('02-01')).older).toHaveLength(1);
  });

  it('only rise, in whatever order statements come', () => {
    const dates = ['05-01', '05-02', '05-03', '05-04'] as const;
    const items = dates.flatMap((issued) =>
      [3, 4, 5].map((number) => ({ issued, number, item: info(issued, number) })),
    );
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...items), { minLength: 1, maxLength: 8 }), (given) => {
        let state = EMPTY_STATE;
        let best = { issued: '', number: 0 };
        for (const one of given) {
          const { state: next, older } = accepted(state, one.item);
          const steps = one.issued >= best.issued && one.number >= best.number;
          expect(older.length).toBe(steps ? 0 : 1);
          expect(next.marks.newestSignedMs).toBeGreaterThanOrEqual(state.marks.newestSignedMs);
          if (steps) best = one;
          state = next;
        }
      }),
      { numRuns: 25 },
    );
  });

  it('take time from what vendors sign with a date, and not from certificates, RIMs or what any GPU can sign', () => {
    expect(after(collateralOf(intel.root, intel.ca)).marks.bySubject.size).toBe(0);
    const newest = (...given: readonly CollateralItem[]): number => after([...given]).marks.newestSignedMs;
    expect(newest(...collateralOf(intel.root, intel.ca, intel.pck), ...nvidia.rims())).toBe(0);
    expect(newest(info('05-03', 1), qeIdentity(intel))).toBe(Date.parse('2026-05-03'));
    expect(newest(info('05-03', 1), ...rim, answer('05-30'))).toBe(Date.parse('2026-05-03'));
    const gpu = nvidia.gpu();
    const ahead = { thisUpdate: new Date('2026-11-30'), nextUpdate: new Date('2026-12-30') };
    const poison = nvidia.ocsp(gpu.leaf, gpu.identity, ahead);
    expect(newest(info('05-03', 1), ...collateralOf(...gpu.chain), poison)).toBe(Date.parse('2026-05-03'));
    expect(newest(info('05-03', 1), list('05-09', 1))).toBe(Date.parse('2026-05-09'));
  });
});

describe('what is accepted', () => {
  it('replaces the earlier issue, keeps the rest, and says what is new', () => {
    const first = after([info('05-02', 20), ...nvidia.rims()]);
    const { state, stored } = accepted(first, info('05-03', 20), ...nvidia.rims().slice(0, 0));
    expect(stored.map(({ subject }) => subject)).toEqual(['intel-tcb-info SGX FMSPC 00906ed50000 PCEID 0000']);
    expect(state.held.filter(({ facts }) => facts.kind === 'intel-tcb-info')).toHaveLength(1);
    expect(state.held).toHaveLength(first.held.length);
    expect(accepted(state, info('05-03', 20)).stored.map(({ kind }) => kind)).not.toContain('certificate');
  });

  it('keeps the chain of an answer that is replaced by one without', () => {
    const withChain = after([info('05-02', 20)]);
    const bare = (item: CollateralItem): CollateralItem => ('chain' in item ? { ...item, chain: [] } : item);
    const { state } = accepted(withChain, bare(info('05-03', 20)));
    expect(accepted(state, bare(info('05-04', 20))).stored).toHaveLength(1);
  });

  it('is the newest of several issues that are given at once, whatever their order', () => {
    for (const given of [
      [info('05-02', 20), info('05-03', 21)],
      [info('05-03', 21), info('05-02', 20)],
    ]) {
      const { state, older } = accepted(EMPTY_STATE, ...given);
      expect(older).toEqual([]);
      expect(state.held.find(({ facts }) => facts.kind === 'intel-tcb-info')?.facts.number).toBe(21n);
    }
  });

  it('is nothing where one item is not genuine, and each of those is named', () => {
    const foreign = intelCollateral(intelAuthority(), 'sgx');
    const result = acceptItems(EMPTY_STATE, [info('05-02', 20), ...foreign], roots);
    const codes = result.ok ? [] : result.error.map(({ code }) => code);
    // Two answers with two certificates each, and two lists.
    expect(codes).toEqual(Array(8).fill('E-ATTEST-COLLATERAL-INVALID'));
  });
});

describe('a stored state', () => {
  const state = after([info('05-02', 20), list('05-03', 127), ...nvidia.rims(), answer('05-30')]);
  it('is read as it was written', () => {
    expect(readState(encodeState(state))).toEqual({ ok: true, value: state });
    expect(readState(encodeState(EMPTY_STATE))).toEqual({ ok: true, value: EMPTY_STATE });
  });

  it('of another type, cut short or changed is refused and never throws', () => {
    const bytes = encodeState(state);
    expect(readState(encodeCbor({ type: 'another' }))).toMatchObject({ ok: false });
    expect(readState(encodeCbor([1]))).toMatchObject({ ok: false });
    for (let length = 0; length < bytes.length; length += 97)
      expect(readState(bytes.subarray(0, length)).ok).toBe(false);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const altered = Uint8Array.from(bytes);
        altered[at] = value;
        const read = readState(altered);
        return read.ok || read.error.code === 'E-ATTEST-MALFORMED';
      }),
      { numRuns: 200 },
    );
  });
});
