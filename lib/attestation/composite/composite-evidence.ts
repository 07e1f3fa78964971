import { bytesEqual, toHex } from '../../core/bytes.ts';
import { refusal, type Refusal } from '../../core/errors.ts';
import type { Digest } from '../../core/ids.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Check } from '../attestation-result.ts';
import { authentication, type Authentication, type AuthenticationInputs } from '../authentication.ts';
import type { EvidenceClaims } from '../evidence-claims.ts';
import { MAX_DEVICES, type GpuEvidence } from '../nvidia-gpu/gpu-evidence.ts';
import type { NvidiaGpuClaims } from '../nvidia-gpu/nvidia-claims.ts';
import { nvidiaGpu } from '../nvidia-gpu/nvidia-gpu.ts';
import { deviceEvidenceDigest, deviceNonce } from './device-binding.ts';

/** Evidence of a machine: its processor, and the GPUs and switches attached to it. */
export interface CompositeEvidence {
  /** What authenticating the processor's evidence gave, on whatever platform. */
  readonly processor: Authentication<EvidenceClaims>;
  /** NVIDIA evidence as it travelled, in order; each piece may hold several devices. */
  readonly devices: readonly Uint8Array[];
}

export interface CompositeExpectations {
  /** The verifier's nonce of this attestation; each device must have answered one derived from it. */
  readonly nonce: Uint8Array;
  /** GPUs, without switches, that the workload will use: exactly. */
  readonly gpus: number;
  /** The 64 bytes that the processor must have attested, given the digest of the device evidence (PROTOCOL §4.3). */
  readonly reportData: (deviceEvidence: Digest) => Uint8Array;
}

export interface CompositeClaims {
  readonly processor: EvidenceClaims;
  /** Null: none is attached, and none was expected. */
  readonly devices: NvidiaGpuClaims | null;
}

/**
 * Processor × devices × what ties them together (PROTOCOL §4.12). A device is tied to the machine by a nonce of its
 * own and by the processor's report data, which cover its evidence: nothing in today's hardware proves that it is
 * attached to that processor rather than answering from elsewhere while the session lasts (docs/limitations.md).
 * E-ATTEST-MALFORMED for devices that cannot be read; every other failure is a check.
 */
export function authenticateComposite(
  { processor, devices }: CompositeEvidence,
  expected: CompositeExpectations,
  inputs: AuthenticationInputs,
): Result<Authentication<CompositeClaims>, Refusal> {
  const parsed: GpuEvidence['devices'][number][] = [];
  for (const piece of devices) {
    const result = nvidiaGpu.parse(piece);
    if (!result.ok) return result;
    parsed.push(...result.value.devices);
    // Before anything is verified: each device costs signatures.
    if (parsed.length > MAX_DEVICES) {
      return err(refusal('E-ATTEST-MALFORMED', `GPU evidence: more than ${MAX_DEVICES} devices`));
    }
  }
  const attached = parsed.length === 0 ? null : nvidiaGpu.authenticate({ devices: parsed }, inputs);
  const checks: Check[] = [
    ...processor.checks.map((check) => ({ ...check, name: `processor: ${check.name}` })),
    ...(attached?.checks ?? []),
    ...bindingChecks({ devices: parsed }, devices, processor.claims, expected),
  ];
  if (processor.claims === null || attached?.claims === null) return ok({ claims: null, checks });
  return ok(authentication({ processor: processor.claims, devices: attached?.claims ?? null }, checks));
}

function bindingChecks(
  { devices }: GpuEvidence,
  pieces: readonly Uint8Array[],
  processor: EvidenceClaims | null,
  { nonce, gpus, reportData }: CompositeExpectations,
): Check[] {
  const count = devices.filter(({ identity }) => identity.kind === 'gpu').length;
  const want = reportData(deviceEvidenceDigest(pieces));
  const got = processor?.reportData ?? null;
  return [
    {
      name: 'GPU count',
      code: 'E-ATTEST-POLICY',
      passed: count === gpus,
      got: String(count),
      want: String(gpus),
    },
    ...devices.map(({ report }, index): Check => {
      const asked = deviceNonce(nonce, index);
      return {
        name: `nonce of device ${index}`,
        code: 'E-ATTEST-BINDING',
        passed: bytesEqual(report.requestNonce, asked),
        got: toHex(report.requestNonce),
        want: toHex(asked),
      };
    }),
    {
      name: 'device evidence in report data',
      code: 'E-ATTEST-BINDING',
      passed: got !== null && bytesEqual(got, want),
      got: got === null ? 'no authentic report data' : toHex(got),
      want: toHex(want),
    },
  ];
}
