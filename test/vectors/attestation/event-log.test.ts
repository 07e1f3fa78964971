import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTdReport, parseQuote } from '../../../lib/attestation/dcap/quote.ts';
import { dstack } from '../../../lib/attestation/dstack/dstack.ts';
import { parseCcel } from '../../../lib/attestation/event-log/ccel.ts';
import { replay } from '../../../lib/attestation/event-log/measured-event.ts';
import { fallbackOf } from '../../../lib/attestation/policy/policy-section.ts';
import { VENDOR_ROOTS } from '../../../lib/attestation/trust/vendor-roots.ts';
import { toHex, utf8 } from '../../../lib/core/bytes.ts';
import { everyIntelItem, quoteBytes } from './dcap-vectors.ts';
import { evidenceVectorsAbsent, vectorBytes, vectorText } from './evidence-vectors.ts';

const RS = 'tdx/confidential-dot-ai+attestation-rs/crates/attestation/test_data';
const GOOGLE = 'tdx/google+go-tdx-guest/testing/testdata/ccel';
const TRUSTEE = 'tdx/confidential-containers+trustee/deps/verifier/test_data';
const DSTACK = 'tdx/Dstack-TEE+dstack';
/** RTMRs in a TDREPORT: its TDINFO starts at 512, they at 208 of it (Intel TDX Module ABI). */
const REPORT_RTMRS = 512 + 208;

function registersOf(path: string): string[] {
  const quote = parseQuote(quoteBytes(path), 'tdx');
  if (!quote.ok || !isTdReport(quote.value.body)) throw new Error('no TDX quote');
  return quote.value.body.rtmr.map(toHex);
}

function replayed(path: string): string[] {
  const log = parseCcel(vectorBytes(path));
  if (!log.ok) throw new Error(log.error.detail);
  return replay(log.value).map(toHex);
}

describe.skipIf(evidenceVectorsAbsent)('CCEL event logs', () => {
  it.each([
    ['of Google, to its quote', `${GOOGLE}/ccel_data.dat`, `${GOOGLE}/cos-113-tdx-quote.dat`],
    ['of attestation-rs (live2), to the live quote', `${RS}/tdx_ccel_live2.dat`, `${RS}/tdx_quote_live.dat`],
  ])('%s: all four registers', (_, log, quote) => {
    expect(replayed(log)).toEqual(registersOf(quote));
  });

  it('of attestation-rs (live): to the TDREPORT of that boot, not to the quote of a later one', () => {
    const report = vectorBytes(`${RS}/tdx_tdreport_live.bin`);
    const registers = [0, 1, 2, 3].map((index) => toHex(report.subarray(REPORT_RTMRS + 48 * index).subarray(0, 48)));
    expect(replayed(`${RS}/tdx_ccel_live.bin`)).toEqual(registers);
    const quote = registersOf(`${RS}/tdx_quote_live.dat`);
    expect(replayed(`${RS}/tdx_ccel_live.bin`).map((value, index) => value === quote[index])).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it("of dstack's sample: to RTMR0 of the tappd quote, whose kernel is another one", () => {
    const quote = registersOf('tdx/Phala-Network+dcap-qvl/sample/quote-from-tappd.hex');
    const log = replayed(`${DSTACK}/dstack/cc-eventlog/samples/ccel.bin`);
    expect(log.map((value, index) => value === quote[index])).toEqual([true, false, true, false]);
  });

  it('of trustee (OVMF): parses, and no quote of the folder belongs to it', () => {
    const log = replayed(`${TRUSTEE}/CCEL_data_ovmf`);
    for (const quote of ['tdx_quote_4.dat', 'tdx_quote_5.dat', 'tdx_quote_6.dat']) {
      expect(registersOf(`${TRUSTEE}/${quote}`).slice(0, 2)).not.toEqual(log.slice(0, 2));
    }
  });

  it('separators and firmware actions commit to their content, kernels and tables do not', () => {
    const log = parseCcel(vectorBytes(`${GOOGLE}/ccel_data.dat`));
    if (!log.ok) throw new Error(log.error.detail);
    const bound = (type: number): boolean[] => [
      ...new Set(log.value.filter((event) => event.type === type).map(({ contentBound }) => contentBound)),
    ];
    expect(bound(4)).toEqual([true]);
    expect(bound(0x8000_0007)).toEqual([true]);
    expect(bound(0x8000_0003)).toEqual([false]);
  });

  it('a changed digest no longer replays', () => {
    const bytes = Uint8Array.from(vectorBytes(`${GOOGLE}/ccel_data.dat`));
    bytes[0x60] = (bytes[0x60] ?? 0) ^ 1;
    const log = parseCcel(bytes);
    if (!log.ok) throw new Error(log.error.detail);
    expect(toHex(replay(log.value)[0] ?? new Uint8Array())).not.toBe(registersOf(`${GOOGLE}/cos-113-tdx-quote.dat`)[0]);
  });

  it('hostile logs are malformed or read, never thrown', () => {
    const base = vectorBytes(`${GOOGLE}/ccel_data.dat`).subarray(0, 6000);
    const edit = fc.tuple(fc.nat(5999), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), fc.nat(6000), (edits, end) => {
        const bytes = Uint8Array.from(base.subarray(0, end));
        for (const [at, byte] of edits) if (at < end) bytes[at] = byte;
        const log = parseCcel(bytes);
        return log.ok || log.error.code === 'E-ATTEST-MALFORMED';
      }),
      { numRuns: 300 },
    );
  });

  it('a log cut inside an event is malformed', () => {
    const bytes = vectorBytes(`${GOOGLE}/ccel_data.dat`);
    for (const length of [0, 8, 40, 66, 90, 150]) expect(parseCcel(bytes.subarray(0, length)).ok).toBe(false);
  });
});

const REPORT = `${DSTACK}/dstack/verifier/fixtures/quote-report.json`;
const LITE = `${DSTACK}/dstack/verifier/fixtures/tdx-lite-getquote.json`;
const LITE_BINARY = `${DSTACK}/dstack/verifier/fixtures/tdx-lite-attestation.json`;
const SIMULATOR = `${DSTACK}/sdk/simulator/attestation.bin`;

describe.skipIf(evidenceVectorsAbsent)('dstack guests', () => {
  const collateral = evidenceVectorsAbsent ? [] : everyIntelItem();
  const judge = (bytes: Uint8Array, day: string) => {
    const parsed = dstack.parse(bytes);
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const at = Date.parse(`${day}T12:00:00Z`);
    const { claims, checks } = dstack.authenticate(parsed.value, {
      at,
      roots: VENDOR_ROOTS,
      collateral,
      revocation: 'required',
    });
    return {
      claims,
      fields: dstack.fields(parsed.value),
      failed: checks.filter(({ passed }) => !passed).map(({ code, name }) => `${code} ${name}`),
    };
  };

  it.each([
    [REPORT, '2026-02-20', [0, 1, 2, 3], '3763bc34552cf3a27ff71ad5f7a90471562a1a2d', 'local-sgx'],
    [LITE, '2026-04-15', [0, 1, 2, 3], '86b0e55f2fa8e4fb69d890f14f54d5612707646e', 'kms'],
    [LITE_BINARY, '2026-04-15', [3], '86b0e55f2fa8e4fb69d890f14f54d5612707646e', 'kms'],
  ])('%s on %s replays to RTMRs %j', (path, day, registers, appId, provider) => {
    expect(dstack.recognises(vectorBytes(path))).toBe(true);
    const { claims, failed } = judge(vectorBytes(path), day);
    expect(failed).toEqual([]);
    expect(claims).toMatchObject({
      format: 'dstack',
      appId,
      composeHash: expect.stringMatching(new RegExp(`^${appId}`)) as string,
      keyProvider: { name: provider },
      replayedRegisters: registers,
      tcb: { status: 'UpToDate' },
    });
  });

  it("the simulator's recording: its log replays, its collateral of the time is not in the folder", () => {
    expect(dstack.recognises(vectorBytes(SIMULATOR))).toBe(true);
    const { fields, failed } = judge(vectorBytes(SIMULATOR), '2026-02-20');
    expect(failed).toEqual(['E-ATTEST-COLLATERAL-INVALID TCB info dates']);
    expect(fields.find(({ meaning }) => meaning.startsWith('compose-hash'))?.name).toBe('event26.rtmr3');
  });

  type Edit = (event: { imr: number; event: string; event_payload: string; digest: string }, index: number) => unknown;
  const edited = (path: string, edit: Edit): Uint8Array => {
    const wrapper = JSON.parse(vectorText(path)) as { event_log: string };
    const log = (JSON.parse(wrapper.event_log) as Parameters<Edit>[0][]).flatMap(
      (event, index) => edit(event, index) ?? event,
    );
    return utf8(JSON.stringify({ ...wrapper, event_log: log }));
  };
  const other = 'ff'.repeat(32);

  it('an altered compose hash is found by its digest, and without a digest by RTMR3', () => {
    const forge = (path: string): Uint8Array =>
      edited(path, (event) => (event.event === 'compose-hash' ? { ...event, event_payload: other } : event));
    expect(judge(forge(REPORT), '2026-02-20')).toMatchObject({
      claims: null,
      failed: ['E-ATTEST-MISMATCH event contents'],
    });
    expect(judge(forge(LITE), '2026-04-15')).toMatchObject({
      claims: null,
      failed: ['E-ATTEST-MISMATCH event log of RTMR3'],
    });
  });

  it('an event left out, put in, moved to another register or repeated', () => {
    const attacks: Edit[] = [
      (event) => (event.event === 'app-id' ? [] : event),
      (event) => (event.event === 'app-id' ? [event, event] : event),
      (event) => (event.event === 'app-id' ? { ...event, imr: 2 } : event),
    ];
    for (const attack of attacks) {
      expect(judge(edited(REPORT, attack), '2026-02-20').failed).toContain('E-ATTEST-MISMATCH event log of RTMR3');
    }
  });

  it('an event of the application cannot pass for one of dstack', () => {
    const { claims, fields } = judge(vectorBytes(REPORT), '2026-02-20');
    expect(fields.at(-1)?.meaning).toMatch(/^LIUM_MINER_HOTKEY/);
    expect(Object.keys(claims?.details ?? {})).not.toContain('LIUM_MINER_HOTKEY');
  });

  it('policy over the events', () => {
    const { claims } = judge(vectorBytes(REPORT), '2026-02-20');
    if (claims === null) throw new Error('not authentic');
    const at = Date.parse('2026-02-20T12:00:00Z');
    const base = fallbackOf(dstack.policy);
    const failed = (policy: Partial<typeof base>): string[] =>
      dstack
        .appraise(claims, { ...base, ...policy }, at)
        .filter(({ passed }) => !passed)
        .map(({ name }) => name);
    expect(failed({})).toEqual([]);
    expect(failed({ appIds: [claims.appId ?? ''], composeHashes: [claims.composeHash ?? ''] })).toEqual([]);
    expect(failed({ appIds: ['ff'.repeat(20)], composeHashes: [other], appInstanceIds: ['ff'.repeat(20)] })).toEqual([
      'app id',
      'compose hash',
      'app instance id',
    ]);
    expect(failed({ keyProviders: ['nobody'], osImageHashes: [other] })).toEqual(['OS image hash', 'key provider']);
    expect(failed({ mrTds: ['ff'.repeat(48)] })).toEqual(['MRTD']);
  });

  it('hostile wrappers are malformed or read, never thrown', () => {
    const bases = [REPORT, SIMULATOR].map((path) => vectorBytes(path));
    fc.assert(
      fc.property(
        fc.constantFrom(...bases),
        fc.nat(20_000),
        fc.uint8Array({ maxLength: 6 }),
        fc.nat(6),
        (base, at, put, cut) => {
          const bytes = Uint8Array.from([...base.subarray(0, at), ...put, ...base.subarray(at + cut)]);
          const parsed = dstack.parse(bytes);
          if (parsed.ok) dstack.fields(parsed.value);
          return parsed.ok || parsed.error.code === 'E-ATTEST-MALFORMED';
        },
      ),
      { numRuns: 150 },
    );
    for (const text of ['{}', '{"quote":""}', '{"quote":"00","event_log":"{"}', '{"attestation":"zz"}', '[', '']) {
      expect(dstack.parse(utf8(text)).ok).toBe(false);
    }
  });
});
