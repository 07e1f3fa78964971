import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appraise } from '../../../lib/attestation/appraise.ts';
import { attestationResult, failuresOf, refusalOf } from '../../../lib/attestation/attestation-result.ts';
import { decodeEvidence, encodeEvidence, MAX_EVIDENCE_BYTES } from '../../../lib/attestation/evidence.ts';
import { ReportData } from '../../../lib/attestation/report-data.ts';
import { authenticateSimulated } from '../../../lib/attestation/simulated/authenticate-simulated.ts';
import { SimulatedChip, simulatedRoot, type ChipLies } from '../../../lib/attestation/simulated/chip.ts';
import {
  encodeChipCertificate,
  encodeQuote,
  encodeSimulatedEvidence,
  parseSimulated,
} from '../../../lib/attestation/simulated/simulated-evidence.ts';
import { simulatedVerifier, verifySimulated } from '../../../lib/attestation/simulated/verify-simulated.ts';
import { verifierRegistry, type Expectation } from '../../../lib/attestation/verifier.ts';
import { encodeCbor } from '../../../lib/core/cbor.ts';
import { signerFromSeed } from '../../../lib/core/ed25519.ts';
import type { Domain } from '../../../lib/core/hash.ts';
import { instant, type Digest, type PublicKey } from '../../../lib/core/ids.ts';

const bytes = (fill: number): Digest => new Uint8Array(32).fill(fill) as Digest;
const rootSeed = bytes(1);
const now = instant(Date.UTC(2026, 5, 1));
const program = { measurement: bytes(2), role: 'enclave' } as const;
const publication = {
  bootKey: bytes(3) as Uint8Array as PublicKey,
  contractDigest: bytes(4),
  genesisDigest: bytes(5),
  headDigest: bytes(6),
};
const source = { kind: 'publication', publication } as const;
const reportData = ReportData.bytesOf(ReportData.ofPublication(publication));
const anchors = { roots: [simulatedRoot(rootSeed)] };
const expectation: Expectation = {
  environment: 'simulation',
  role: 'enclave',
  reportData,
  at: now,
  policy: {
    platforms: ['simulated'],
    measurements: [program.measurement],
    instances: ['chip-1'],
    minSvn: 1,
    evidence: null,
  },
};

function evidenceOf(lies: ChipLies = {}, seed: Uint8Array = rootSeed): Uint8Array {
  const chip = new SimulatedChip({ rootSeed: seed, instance: 'chip-1', now: () => now, lies });
  const envelope = decodeEvidence(chip.quote(program, source));
  if (!envelope.ok) throw new Error(envelope.error.code);
  return envelope.value.bytes;
}

const failuresIn = (evidence: Uint8Array, change: Partial<Expectation> = {}): string[] =>
  failuresOf(verifySimulated(evidence, anchors, { ...expectation, ...change })).map(({ code }) => code);

describe('parse', () => {
  test('gives back what was signed', () => {
    const parsed = parseSimulated(evidenceOf());
    if (!parsed.ok) throw new Error(parsed.error.code);
    expect(parsed.value.certificate.instance).toBe('chip-1');
    expect(parsed.value.quote).toMatchObject({ ...program, debug: false, reportData });
  });

  test('is total: hostile bytes, every truncation, trailing bytes, bombs', () => {
    const valid = evidenceOf();
    const malformed = { ok: false, error: { code: 'E-ATTEST-MALFORMED' } };
    for (let length = 0; length < valid.length; length++)
      expect(parseSimulated(valid.subarray(0, length)).ok).toBe(false);
    expect(parseSimulated(Uint8Array.from([...valid, 0]))).toMatchObject(malformed);
    expect(parseSimulated(new Uint8Array(1 << 20))).toMatchObject(malformed);
    expect(parseSimulated(new Uint8Array(10_000).fill(0x81))).toMatchObject(malformed);
    expect(parseSimulated(Uint8Array.of(0x5b, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))).toMatchObject(malformed);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (hostile) => {
        expect(parseSimulated(hostile)).toMatchObject(malformed);
      }),
    );
  });

  test.each(['certificate', 'quote'] as const)('refuses a %s that is not its document, however well signed', (part) => {
    const parsed = parseSimulated(evidenceOf());
    if (!parsed.ok) throw new Error(parsed.error.code);
    const { signed } = parsed.value;
    const other = part === 'quote' ? signed.certificate : signed.quote;
    for (const replaced of [other, new Uint8Array(), encodeCbor({})]) {
      const detail = expect.stringMatching(`^${part}: `) as string;
      expect(parseSimulated(encodeSimulatedEvidence({ ...signed, [part]: replaced }))).toMatchObject({
        ok: false,
        error: { code: 'E-ATTEST-MALFORMED', detail },
      });
    }
  });
});

describe('authenticate', () => {
  const parsed = parseSimulated(evidenceOf());
  if (!parsed.ok) throw new Error(parsed.error.code);
  const genuine = parsed.value;

  test('gives claims only under a pinned root', () => {
    expect(authenticateSimulated(genuine, anchors, now).claims).toMatchObject({ simulated: true, instance: 'chip-1' });
    const other = authenticateSimulated(genuine, { roots: [simulatedRoot(bytes(9))] }, now);
    expect(other.claims).toBeNull();
    expect(other.checks.filter(({ passed }) => !passed)).toMatchObject([{ name: 'root', code: 'E-ATTEST-SIGNATURE' }]);
  });

  test('no root at all is a failure with that name, not a skipped check', () => {
    const none = authenticateSimulated(genuine, { roots: [] }, now);
    expect(none.claims).toBeNull();
    expect(none.checks).toContainEqual(
      expect.objectContaining({ name: 'root', passed: false, got: 'no root was given' }),
    );
  });

  test('refuses every altered byte of the quote, the certificate and both signatures', () => {
    const valid = evidenceOf();
    for (let at = 0; at < valid.length; at++) {
      const altered = valid.slice();
      altered[at] = (altered[at] ?? 0) ^ 0x01;
      const codes = failuresIn(altered);
      expect(codes.length, `byte ${at}`).toBeGreaterThan(0);
      expect(['E-ATTEST-MALFORMED', 'E-ATTEST-SIGNATURE', 'E-ATTEST-EXPIRED']).toContain(codes[0]);
    }
  });

  test('a chip certificate of another root, or none, does not carry a quote', () => {
    const foreign = parseSimulated(evidenceOf({}, bytes(9)));
    if (!foreign.ok) throw new Error(foreign.error.code);
    const { certificate, certificateSignature } = genuine.signed;
    const spliced = encodeSimulatedEvidence({ ...foreign.value.signed, certificate, certificateSignature });
    expect(failuresIn(spliced)).toEqual(['E-ATTEST-SIGNATURE']);
  });

  test('the certificate must be valid at the time of appraisal and of issue', () => {
    const ended = evidenceOf({ certificateUntil: instant(now - 1) });
    expect(failuresIn(ended)).toEqual(['E-ATTEST-EXPIRED', 'E-ATTEST-EXPIRED']);
    expect(failuresIn(evidenceOf({ certificateUntil: now }), { at: instant(now + 1) })).toEqual(['E-ATTEST-EXPIRED']);
    expect(failuresIn(evidenceOf(), { at: instant(0) })).toEqual(['E-ATTEST-EXPIRED']);
  });

  test('a signature over a certificate is none over a quote, nor the other way round', () => {
    const [root, chip] = [signerFromSeed(bytes(11)), signerFromSeed(bytes(12))];
    const certificate = encodeChipCertificate({ ...genuine.certificate, chipKey: chip.publicKey });
    const quote = encodeQuote(genuine.quote);
    const failed = (certified: Domain, quoted: Domain): string[] => {
      const parts = {
        certificate,
        certificateSignature: root.sign(certified, certificate),
        quote,
        quoteSignature: chip.sign(quoted, quote),
      };
      const evidence = parseSimulated(encodeSimulatedEvidence(parts));
      if (!evidence.ok) throw new Error(evidence.error.code);
      const { checks } = authenticateSimulated(evidence.value, { roots: [root.publicKey] }, now);
      return checks.filter(({ passed }) => !passed).map(({ name }) => name);
    };
    expect(failed('chip-certificate', 'quote')).toEqual([]);
    expect(failed('quote', 'quote')).toEqual(['root']);
    expect(failed('chip-certificate', 'chip-certificate')).toEqual(['chip signature']);
  });

  test('all failures are listed', () => {
    const { certificate, quote, signed } = genuine;
    const forged = encodeSimulatedEvidence({
      ...signed,
      certificate: encodeChipCertificate({ ...certificate, notAfter: instant(1) }),
      quote: encodeQuote({ ...quote, svn: 99 }),
    });
    expect(failuresIn(forged, { environment: 'production' })).toEqual([
      'E-ATTEST-SIGNATURE',
      'E-ATTEST-SIGNATURE',
      'E-ATTEST-EXPIRED',
      'E-ATTEST-EXPIRED',
      'E-ATTEST-SIMULATED',
    ]);
  });
});

describe('appraise', () => {
  test('claims come with the verdict once they are authentic, accepted or not, and never before', () => {
    const refused = verifySimulated(evidenceOf({ debug: true }), anchors, expectation);
    expect(refused).toMatchObject({ status: 'contraindicated', claims: { debug: true } });
    expect(verifySimulated(evidenceOf({}, bytes(9)), anchors, expectation).claims).toBeNull();
    expect(verifySimulated(new Uint8Array(3), anchors, expectation).claims).toBeNull();
    expect(verifierRegistry([]).verify(new Uint8Array(3), expectation).claims).toBeNull();
  });

  test('affirms what the policy allows, and says that it was simulated', () => {
    const result = verifySimulated(evidenceOf(), anchors, expectation);
    expect(result).toMatchObject({ status: 'affirming', platform: 'simulated', simulated: true, at: now });
    expect(result.checks).toHaveLength(12);
    expect(result.claims).toMatchObject({ measurement: program.measurement, issuedAt: now });
    expect(refusalOf(result)).toBeNull();
  });

  const lies: [string, ChipLies, string][] = [
    ['measurement', { measurement: bytes(8) }, 'E-ATTEST-MEASUREMENT'],
    ['debug', { debug: true }, 'E-ATTEST-DEBUG'],
    ['instance', { instance: 'chip-2' }, 'E-ATTEST-INSTANCE'],
    ['svn', { svn: 0 }, 'E-ATTEST-SVN'],
    ['role', { role: 'site' }, 'E-ATTEST-ROLE'],
  ];
  test.each(lies)('a wrong %s fails with its own code', (name, lie, code) => {
    const failures = failuresOf(verifySimulated(evidenceOf(lie), anchors, expectation));
    expect(failures).toMatchObject([{ code, detail: name }]);
    expect(failures[0]?.got).not.toBe(failures[0]?.want);
  });

  test('other report data is E-ATTEST-BINDING', () => {
    expect(failuresIn(evidenceOf(), { reportData: new Uint8Array(64) })).toEqual(['E-ATTEST-BINDING']);
    expect(failuresIn(evidenceOf(), { reportData: new Uint8Array() })).toEqual(['E-ATTEST-BINDING']);
  });

  test('every failure is in the one refusal that callers get', () => {
    const every = Object.assign({}, ...lies.map(([, lie]) => lie)) as ChipLies;
    const result = verifySimulated(evidenceOf(every), anchors, expectation);
    const refused = refusalOf(result);
    expect(refused?.code).toBe('E-ATTEST-MEASUREMENT');
    for (const [, , code] of lies.slice(1)) expect(refused?.detail).toContain(code);
  });

  test('no allow-list of machines means any genuine machine; an empty one means none', () => {
    const policy = expectation.policy;
    expect(failuresIn(evidenceOf({ instance: 'x' }), { policy: { ...policy, instances: null } })).toEqual([]);
    expect(failuresIn(evidenceOf(), { policy: { ...policy, instances: [] } })).toEqual(['E-ATTEST-INSTANCE']);
    expect(failuresIn(evidenceOf(), { policy: { ...policy, measurements: [] } })).toEqual(['E-ATTEST-MEASUREMENT']);
  });

  test('a platform whose evidence carries no role leaves the role to the binder', () => {
    const { claims } = authenticateSimulated(genuineOf(), anchors, now);
    if (claims === null) throw new Error('not authentic');
    const checks = appraise({ ...claims, role: null, simulated: false }, expectation.policy, expectation);
    expect(checks.every(({ passed }) => passed)).toBe(true);
  });

  test('no check at all is not an affirmation', () => {
    expect(attestationResult({ platform: null, simulated: false, checks: [], at: now }).status).toBe('contraindicated');
  });
});

describe('envelope and registry', () => {
  const registry = verifierRegistry([simulatedVerifier(anchors)]);

  test('dispatch by platform', () => {
    const envelope = encodeEvidence({ platform: 'simulated', bytes: evidenceOf() });
    expect(registry.verify(envelope, expectation).status).toBe('affirming');
  });

  test('an unknown platform is E-ATTEST-PLATFORM', () => {
    const envelope = encodeEvidence({ platform: 'sev-snp', bytes: new Uint8Array(10) });
    const result = registry.verify(envelope, expectation);
    expect(failuresOf(result).map(({ code }) => code)).toEqual(['E-ATTEST-PLATFORM', 'E-ATTEST-PLATFORM']);
    expect(result.simulated).toBe(false);
  });

  test('two verifiers for one platform are a bug', () => {
    expect(() => verifierRegistry([simulatedVerifier(anchors), simulatedVerifier(anchors)])).toThrow(RangeError);
  });

  test('envelopes are bounded and total', () => {
    expect(() => encodeEvidence({ platform: 'tdx', bytes: new Uint8Array(MAX_EVIDENCE_BYTES) })).toThrow(RangeError);
    const malformed = { ok: false, error: { code: 'E-ATTEST-MALFORMED' } };
    expect(decodeEvidence(new Uint8Array(MAX_EVIDENCE_BYTES + 1))).toMatchObject(malformed);
    const invented = encodeCbor({ format: 'consilium/evidence/v1', platform: 'abacus', bytes: new Uint8Array() });
    expect(decodeEvidence(invented)).toMatchObject(malformed);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (hostile) => {
        expect(decodeEvidence(hostile)).toMatchObject(malformed);
        expect(registry.verify(hostile, expectation)).toMatchObject({ status: 'contraindicated', platform: null });
      }),
    );
  });
});

function genuineOf() {
  const parsed = parseSimulated(evidenceOf());
  if (!parsed.ok) throw new Error(parsed.error.code);
  return parsed.value;
}
