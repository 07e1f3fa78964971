// PROTOCOL §8 A15: hostile evidence: parser bombs, trailing bytes, wrong root, debug, revoked or expired chain.
import { describe, expect, test } from 'vitest';
import { encodeEvidence, type Platform } from '../../lib/attestation/evidence.ts';
import type { Attester } from '../../lib/attestation/attester.ts';
import { HARDWARE_PLATFORMS } from '../../lib/attestation/hardware-verifier.ts';
import { EVIDENCE_FORMATS } from '../../lib/attestation/evidence-claims.ts';
import { verifyEvidence } from '../../lib/attestation/verify-evidence.ts';
import { parseCertificate } from '../../lib/attestation/x509/certificate.ts';
import { amdList, chipKey, collateralOf, snpReport } from '../authorities/amd-authority.ts';
import { intelAuthority, intelCollateral, intelList, sgxQuote, tdxQuote } from '../authorities/intel-authority.ts';
import { amd, attesterOf, chip, COLLATERAL, HardwareStudy, intel } from '../support/hardware-study.ts';
import { codeOf, handshake, opened } from '../unit/channel/simulated-session.ts';

const enclaveShows = (make: (reportData: Uint8Array) => Uint8Array, platform: Platform = 'tdx'): HardwareStudy =>
  new HardwareStudy({ attesters: { enclave: attesterOf(platform, make) } });
const serialOf = (der: Uint8Array): string => {
  const parsed = parseCertificate(der);
  return parsed.ok ? parsed.value.serial : '';
};

/** Deep nesting, giant lengths, endless lists and repetitions in the languages that evidence is written in. */
const BOMBS: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', new Uint8Array()],
  ['zeros', new Uint8Array(60_000)],
  ['nested CBOR arrays', new Uint8Array(60_000).fill(0x81)],
  ['a CBOR array of 2^32 items', Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff)],
  ['a CBOR byte string of 2^63 bytes', Uint8Array.of(0x84, 0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
  ['nested JSON', new TextEncoder().encode('['.repeat(60_000))],
  ['JSON with a long number', new TextEncoder().encode(`{"quote":${'9'.repeat(60_000)}}`)],
  ['nested DER', new Uint8Array(60_000).fill(0x30)],
  ['PEM without an end', new TextEncoder().encode('-----BEGIN CERTIFICATE-----\n'.repeat(2_000))],
  [
    'an event log of two thousand billion events',
    new TextEncoder().encode(`{"event_log":"[${'{},'.repeat(9_000)}{}]"}`),
  ],
  ['XML entities', new TextEncoder().encode('<!DOCTYPE a [<!ENTITY b "cc">]><a>&b;</a>')],
];

describe('A15: evidence that is made to harm its reader', () => {
  test.each(BOMBS)('%s: every platform gives a verdict, none an exception or a long wait', (_, bytes) => {
    for (const format of ['auto', ...EVIDENCE_FORMATS] as const) {
      const verdict = verifyEvidence({ format, bytes, collateral: [], at: Date.UTC(2026, 5), policy: null });
      expect(verdict.outcome).toBe('not-authentic');
      expect(verdict.claims).toBeNull();
    }
  });

  test.each(BOMBS)(
    '%s instead of evidence in a session is refused before the hospital shows its own',
    async (_, bytes) => {
      for (const platform of HARDWARE_PLATFORMS) {
        const study = enclaveShows(() => bytes, platform);
        const outcome = await handshake(study);
        expect(codeOf(outcome.site)).toMatch(/^E-ATTEST-(?:MALFORMED|PLATFORM)$/);
      }
    },
  );

  test('an envelope that is no envelope is refused', async () => {
    const shows = (bytes: Uint8Array): Attester => ({ attest: async () => bytes });
    for (const bytes of [new Uint8Array(), encodeEvidence({ platform: 'tdx', bytes: new Uint8Array() }).subarray(1)]) {
      const outcome = await handshake(new HardwareStudy({ attesters: { enclave: shows(bytes) } }));
      expect(codeOf(outcome.site)).toBe('E-ATTEST-MALFORMED');
    }
  });

  test('bytes after a quote change nothing of what it says, and none of them is signed', async () => {
    const { site } = await opened(
      enclaveShows((reportData) => tdxQuote(intel, { reportData }, { trailing: new Uint8Array(70) })),
    );
    expect(site.peer.result.claims?.measurement).toEqual(
      (await opened(new HardwareStudy())).site.peer.result.claims?.measurement,
    );
  });

  test('a report with bytes after it that are no certificate table is refused', async () => {
    const make = (reportData: Uint8Array): Uint8Array =>
      Buffer.concat([snpReport(chip, { reportData }), Buffer.alloc(9, 7)]);
    const outcome = await handshake(new HardwareStudy({ attesters: { site: attesterOf('sev-snp', make) } }));
    expect(codeOf(outcome.enclave)).toBe('E-ATTEST-MALFORMED');
  });

  test('another root under the vendor’s name is refused', async () => {
    const other = intelAuthority();
    const outcome = await handshake(enclaveShows((reportData) => tdxQuote(other, { reportData })));
    expect(codeOf(outcome.site)).toBe('E-ATTEST-SIGNATURE');
  });

  test('a machine under a debugger is refused', async () => {
    const tdAttributes = Uint8Array.of(1, 0, 0, 0x10, 0, 0, 0, 0);
    expect(codeOf((await handshake(new HardwareStudy({ td: { tdAttributes } }))).site)).toBe('E-ATTEST-DEBUG');
    const debug = await handshake(new HardwareStudy({ report: { policy: 0xb0000n } }));
    expect(codeOf(debug.enclave)).toBe('E-ATTEST-DEBUG');
  });

  test('a revoked machine is refused', async () => {
    const without = COLLATERAL.filter(({ kind }) => kind !== 'revocation-list');
    const revoked = [serialOf(intel.pck.certificate)];
    const lists = [intelList(intel, intel.ca, { revoked }), intelList(intel, intel.root), amdList(amd.ark)];
    const outcome = await handshake(new HardwareStudy({ collateral: [...without, ...lists] }));
    expect(codeOf(outcome.site)).toBe('E-ATTEST-REVOKED');
  });

  test('an expired chain is refused', async () => {
    const old = intelAuthority({ at: new Date('2023-01-01T00:00:00Z') });
    const study = enclaveShows((reportData) => tdxQuote(old, { reportData }));
    expect(['E-ATTEST-EXPIRED', 'E-ATTEST-SIGNATURE']).toContain(codeOf((await handshake(study)).site));
    const late = new HardwareStudy({ newestSignedMs: Date.UTC(2034, 0) });
    expect(codeOf((await handshake(late)).site)).toMatch(/^E-ATTEST-(?:EXPIRED|COLLATERAL-INVALID)$/);
  });

  test('the certificate of another chip is refused', async () => {
    const other = chipKey({ authority: amd, hardwareId: new Uint8Array(64).fill(0x11) });
    const collateral = [...intelCollateral(intel, 'tdx'), ...collateralOf(amd.ark, amd.ask, other), amdList(amd.ark)];
    const outcome = await handshake(new HardwareStudy({ collateral }));
    expect(codeOf(outcome.enclave)).toMatch(/^E-ATTEST-(?:SIGNATURE|MISMATCH|COLLATERAL)$/);
  });

  test('evidence of another platform under this platform’s name is refused', async () => {
    const outcome = await handshake(enclaveShows((reportData) => sgxQuote(intel, { reportData })));
    expect(codeOf(outcome.site)).toBe('E-ATTEST-MALFORMED');
  });

  test('evidence for other report data is somebody else’s session', async () => {
    const outcome = await handshake(enclaveShows(() => tdxQuote(intel, { reportData: new Uint8Array(64).fill(9) })));
    expect(codeOf(outcome.site)).toBe('E-ATTEST-BINDING');
  });

  test('an agent that was patched, to clip or to add noise otherwise, has another measurement and is refused', async () => {
    const make = (reportData: Uint8Array): Uint8Array =>
      snpReport(chip, { reportData, alter: (bytes) => bytes.fill(0x66, 0x90, 0xc0) });
    const outcome = await handshake(new HardwareStudy({ attesters: { site: attesterOf('sev-snp', make) } }));
    expect(codeOf(outcome.enclave)).toBe('E-ATTEST-MEASUREMENT');
  });
});
