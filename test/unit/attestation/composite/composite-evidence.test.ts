import { describe, expect, it } from 'vitest';
import type { Authentication, AuthenticationInputs } from '../../../../lib/attestation/authentication.ts';
import { BinderTree } from '../../../../lib/attestation/binder-tree.ts';
import { Binder } from '../../../../lib/attestation/binder.ts';
import { authenticateComposite } from '../../../../lib/attestation/composite/composite-evidence.ts';
import { deviceEvidenceDigest, deviceNonce } from '../../../../lib/attestation/composite/device-binding.ts';
import type { EvidenceClaims } from '../../../../lib/attestation/evidence-claims.ts';
import { toHex, u64be, utf8 } from '../../../../lib/core/bytes.ts';
import { prefixFields } from '../../../../lib/core/hash.ts';
import type { Digest, PublicKey } from '../../../../lib/core/ids.ts';
import { createHash } from 'node:crypto';
import { AT, evidenceOf, nvidiaAuthority, type Gpu } from '../../../authorities/nvidia-authority.ts';

const nvidia = nvidiaAuthority();
const nonce = Buffer.alloc(32, 1);
const bytes = (value: number): Uint8Array => new Uint8Array(32).fill(value);

/** What the session makes of the digest of the devices: report data over one binder. */
function reportData(deviceEvidence: Digest): Uint8Array {
  const binder = new Binder({
    role: 'enclave',
    exportedKey: bytes(2),
    nonce,
    attestationSequence: 0,
    bootKey: bytes(3) as PublicKey,
    organisation: null,
    contractDigest: bytes(4) as Digest,
    deviceEvidence,
    head: { counter: 0, digest: bytes(0) as Digest },
  });
  return new BinderTree([binder.bytes]).root;
}

/** An authentic processor; its own verification is tested with its platform. */
function processor(attested: Uint8Array | null): Authentication<EvidenceClaims> {
  const claims: EvidenceClaims = {
    format: 'tdx',
    measurements: {},
    reportData: attested,
    nonce: null,
    instance: null,
    debug: false,
    issuedAt: null,
    details: {},
  };
  return { claims, checks: [{ name: 'quote', code: 'E-ATTEST-SIGNATURE', passed: true, got: 'valid', want: 'valid' }] };
}

const gpuAt = (index: number, parts: { serial?: string; session?: Uint8Array } = {}): Gpu =>
  nvidia.gpu({
    serial: parts.serial ?? `41000000000000000${index}`,
    nonce: deviceNonce(parts.session ?? nonce, index),
  });
const gpus = [gpuAt(0), gpuAt(1)] as const;
const evidence = gpus.map((gpu) => evidenceOf(gpu));

interface Attempt {
  readonly devices?: readonly Uint8Array[];
  /** What the processor attested; default: these devices. */
  readonly attested?: Uint8Array | null;
  readonly of?: Authentication<EvidenceClaims>;
  readonly count?: number;
  readonly inputs?: Partial<AuthenticationInputs>;
}

function attempt({ devices = evidence, attested, of, count = 2, inputs = {} }: Attempt) {
  const data = attested === undefined ? reportData(deviceEvidenceDigest(devices)) : attested;
  const result = authenticateComposite(
    { processor: of ?? processor(data), devices },
    { nonce, gpus: count, reportData },
    {
      at: AT,
      roots: nvidia.roots,
      collateral: [...nvidia.rims(), ...nvidia.answers(...gpus)],
      revocation: 'accept-absent',
      ...inputs,
    },
  );
  if (!result.ok) return { claims: null, failed: [result.error.code] };
  const { claims, checks } = result.value;
  const failed = checks.filter(({ passed }) => !passed).map(({ code, name }) => `${code.slice(9)} ${name}`);
  return { claims, failed };
}

const REPORT_DATA = 'BINDING device evidence in report data';

describe('a processor with two GPUs', () => {
  it('is authentic when each GPU answered its own nonce and the processor attested both', () => {
    const { claims, failed } = attempt({});
    expect(failed).toEqual([]);
    expect(claims?.devices?.devices.map(({ serial }) => serial)).toEqual(['410000000000000000', '410000000000000001']);
    expect(claims?.processor.format).toBe('tdx');
    expect(attempt({ devices: [evidenceOf(...gpus)] }).failed).toEqual([]);
  });

  it('is refused with the GPU of another machine, which answered another session', () => {
    const foreign = evidenceOf(gpuAt(1, { session: bytes(9) }));
    expect(attempt({ devices: [evidence[0] ?? bytes(0), foreign] }).failed).toEqual(['BINDING nonce of device 1']);
  });

  it('is refused when a GPU was swapped after the processor attested', () => {
    const other = evidenceOf(gpuAt(1, { serial: '41FFFFFFFFFFFFFFFF' }));
    const attested = reportData(deviceEvidenceDigest(evidence));
    expect(attempt({ devices: [evidence[0] ?? bytes(0), other], attested }).failed).toEqual([REPORT_DATA]);
  });

  it('is refused when one GPU answers for two', () => {
    const twice = [evidence[0] ?? bytes(0), evidence[0] ?? bytes(0)];
    expect(attempt({ devices: twice }).failed).toEqual(['MISMATCH distinct devices', 'BINDING nonce of device 1']);
    const asked = evidenceOf(gpuAt(1, { serial: '410000000000000000' }));
    expect(attempt({ devices: [evidence[0] ?? bytes(0), asked] }).failed).toEqual(['MISMATCH distinct devices']);
  });

  it('is refused when a GPU is left out, whether the processor knows or not', () => {
    const one = evidence.slice(0, 1);
    expect(attempt({ devices: one }).failed).toEqual(['POLICY GPU count']);
    const attested = reportData(deviceEvidenceDigest(evidence));
    expect(attempt({ devices: one, attested }).failed).toEqual(['POLICY GPU count', REPORT_DATA]);
    expect(attempt({ devices: evidence.slice(1) }).failed).toEqual(['POLICY GPU count', 'BINDING nonce of device 0']);
  });

  it('is refused when the GPUs changed places', () => {
    const attested = reportData(deviceEvidenceDigest(evidence));
    expect(attempt({ devices: evidence.toReversed(), attested }).failed).toEqual([
      'BINDING nonce of device 0',
      'BINDING nonce of device 1',
      REPORT_DATA,
    ]);
  });

  it('is refused when the processor attested no devices, nothing, or is not authentic', () => {
    expect(attempt({ attested: reportData(deviceEvidenceDigest([])) }).failed).toEqual([REPORT_DATA]);
    expect(attempt({ attested: null }).failed).toEqual([REPORT_DATA]);
    const check = { name: 'quote', code: 'E-ATTEST-SIGNATURE', passed: false, got: 'bad', want: 'good' } as const;
    const outcome = attempt({ of: { claims: null, checks: [check] } });
    expect(outcome).toEqual({ claims: null, failed: ['SIGNATURE processor: quote', REPORT_DATA] });
  });

  it('names what is wrong with the processor, the GPUs and the bindings all at once', () => {
    const broken = nvidia.gpu({ serial: '410000000000000001', measured: { 7: '00'.repeat(48) } });
    const check = { name: 'quote', code: 'E-ATTEST-TCB', passed: false, got: 'old', want: 'new' } as const;
    const { failed } = attempt({
      devices: [evidence[0] ?? bytes(0), evidenceOf(broken)],
      of: { claims: processor(null).claims, checks: [check] },
      count: 8,
    });
    expect(failed).toEqual([
      'TCB processor: quote',
      'MEASUREMENT GPU 1 measurements',
      'MEASUREMENT GPU 1 measurement 7 (M_7)',
      'POLICY GPU count',
      'BINDING nonce of device 1',
      REPORT_DATA,
    ]);
  });

  it('is inconclusive while inputs are missing', () => {
    const { claims, failed } = attempt({ inputs: { revocation: 'required', collateral: nvidia.rims() } });
    expect(claims).not.toBeNull();
    expect(failed.every((name) => name.startsWith('COLLATERAL '))).toBe(true);
    expect(failed.length).toBeGreaterThan(0);
  });

  it('reads no more devices than a node has, in however many pieces, before it verifies one', () => {
    const { report } = nvidia.gpu({
      measured: Object.fromEntries([...Array(64).keys()].map((index) => [index, null])),
    });
    const piece = Buffer.from(
      JSON.stringify(Array.from({ length: 32 }, () => ({ evidence: Buffer.from(report).toString('base64') }))),
    );
    expect(attempt({ devices: [piece, evidence[0] ?? bytes(0)] }).failed).toEqual(['E-ATTEST-MALFORMED']);
    expect(attempt({ devices: [piece] }).failed).toContain('POLICY GPU count');
  });

  it('needs devices where it expects some, and devices that can be read', () => {
    expect(attempt({ devices: [] })).toEqual({ claims: null, failed: ['POLICY GPU count'] });
    expect(attempt({ devices: [], count: 0 })).toMatchObject({ claims: { devices: null }, failed: [] });
    expect(attempt({ devices: [Buffer.from('{}')] }).failed).toEqual(['E-ATTEST-MALFORMED']);
  });
});

describe('the bindings of attached devices', () => {
  it('are hashes as PROTOCOL §2.2 has them', () => {
    const tagged = (tag: string, ...fields: Uint8Array[]): string =>
      createHash('sha256')
        .update(prefixFields(utf8(tag), ...fields))
        .digest('hex');
    expect(toHex(deviceNonce(nonce, 3))).toBe(tagged('consilium/device-nonce/v1', nonce, u64be(3)));
    expect(toHex(deviceEvidenceDigest(evidence))).toBe(tagged('consilium/device-evidence/v1', ...evidence));
  });
});
