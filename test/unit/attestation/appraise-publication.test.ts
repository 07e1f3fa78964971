// The time in a publication is written by the enclave's host side of the bundle, outside the evidence: whoever can
// choose it chooses when the evidence is appraised, and so whether an expired certificate counts.
import { describe, expect, test } from 'vitest';
import { attestationResult } from '../../../lib/attestation/attestation-result.ts';
import { SimulatedChip, type ChipLies } from '../../../lib/attestation/simulated/chip.ts';
import { simulatedVerifier } from '../../../lib/attestation/simulated/verify-simulated.ts';
import { verifierRegistry } from '../../../lib/attestation/verifier.ts';
import { publicationAppraiser } from '../../../lib/audit/appraise-publication.ts';
import type { PublicationVerdict } from '../../../lib/audit/passport.ts';
import { instant, type PublicKey } from '../../../lib/core/ids.ts';
import { DAY_MS, digestOf, START, testContract } from '../../support/test-contract.ts';

const MINUTE_MS = 60_000;
const sealed = testContract();
const measurement = digestOf('program');
const head = { counter: 3, digest: digestOf('head') };
const bootKey = digestOf('boot key') as Uint8Array as PublicKey;
const genesis = digestOf('genesis');
const registry = verifierRegistry([simulatedVerifier({ roots: [chipAt(0).root] })]);

interface Told {
  readonly lies?: ChipLies;
  /** Of the verifier, after START. */
  readonly clockMs?: number;
}

function chipAt(issuedMs: number, lies: ChipLies = {}): SimulatedChip {
  return new SimulatedChip({
    rootSeed: digestOf('chip root'),
    instance: 'chip-1',
    now: () => instant(START + issuedMs),
    lies,
  });
}

/** Evidence issued at one time in a publication that states another, both in milliseconds after START. */
function appraised(issuedMs: number, statedMs: number, { lies, clockMs = 0 }: Told = {}): PublicationVerdict {
  const vouched = { bootKey, contractDigest: sealed.digest, genesisDigest: genesis, headDigest: head.digest };
  const evidence = chipAt(issuedMs, lies).quote(
    { measurement, role: 'enclave' },
    { kind: 'publication', publication: vouched },
  );
  const publication = {
    format: 'consilium/publication/v1',
    bootKey,
    contract: sealed.digest,
    genesis,
    head,
    at: instant(START + statedMs),
    evidence,
    collateral: new Uint8Array(),
  } as const;
  return publicationAppraiser(registry, 'simulation', () => instant(START + clockMs))(publication, sealed);
}

const said = ({ refusals }: PublicationVerdict): string[] => refusals.map(({ code, detail }) => `${code} ${detail}`);

describe('the time of a publication', () => {
  test('is that of its evidence, within ten minutes', () => {
    const accepted = appraised(0, 0);
    expect(accepted).toEqual({ refusals: [], measurement, simulated: true });
    for (const apart of [-10 * MINUTE_MS, 10 * MINUTE_MS]) expect(said(appraised(0, apart))).toEqual([]);
    for (const apart of [-10 * MINUTE_MS - 1, 10 * MINUTE_MS + 1]) {
      expect(said(appraised(0, apart, { clockMs: DAY_MS }))).toContain('E-ATTEST-EXPIRED publication time');
    }
  });

  test('cannot be set back to when the certificate of the chip was still valid', () => {
    const ended = { certificateUntil: instant(START + DAY_MS) };
    const late = 30 * DAY_MS;
    // Stated truly, the certificate is over; stated falsely, the evidence tells its own time.
    expect(said(appraised(late, late, { lies: ended, clockMs: late }))).toContain(
      'E-ATTEST-EXPIRED certificate validity',
    );
    expect(said(appraised(late, 0, { lies: ended, clockMs: late }))).toContain('E-ATTEST-EXPIRED publication time');
    // A genuine quote of then, dressed as one of today.
    expect(said(appraised(0, late, { clockMs: late }))).toEqual(['E-ATTEST-EXPIRED publication time']);
  });

  test('is not in the future of the verifier, but for clocks that differ', () => {
    const ahead = 10 * MINUTE_MS;
    expect(said(appraised(ahead, ahead))).toEqual([]);
    expect(said(appraised(ahead + 1, ahead + 1))).toEqual(['E-ATTEST-EXPIRED publication in the future']);
  });

  test('is not before the contract, by more than the same ten minutes', () => {
    const { notBefore } = sealed.contract.validity;
    const earliest = notBefore - START - 10 * MINUTE_MS;
    expect(said(appraised(earliest, earliest))).toEqual([]);
    expect(said(appraised(earliest - 1, earliest - 1))).toEqual(['E-ATTEST-EXPIRED publication before the contract']);
  });

  test('counts only with claims: an affirmation without any is refused', () => {
    const check = { name: 'none', code: 'E-ATTEST-MALFORMED', passed: true, got: '', want: '' } as const;
    const gullible = {
      verify: () => attestationResult({ platform: 'simulated', simulated: true, checks: [check], at: START }),
    };
    const publication = {
      format: 'consilium/publication/v1',
      bootKey,
      contract: sealed.digest,
      genesis,
      head,
      at: START,
      evidence: new Uint8Array(),
      collateral: new Uint8Array(),
    } as const;
    const verdict = publicationAppraiser(gullible, 'simulation', () => START)(publication, sealed);
    expect(verdict.measurement).toBeNull();
    expect(said(verdict)).toEqual(['E-ATTEST-EXPIRED publication time']);
  });

  test('a refused measurement is still named, as what the evidence states', () => {
    const other = digestOf('other program');
    const verdict = appraised(0, 0, { lies: { measurement: other } });
    expect(said(verdict)).toEqual(['E-ATTEST-MEASUREMENT measurement']);
    expect(verdict.measurement).toEqual(other);
  });
});
