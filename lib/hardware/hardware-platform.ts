import { nvidiaCommand } from '../attestation/attesters/nvidia-command.ts';
import { Binder } from '../attestation/binder.ts';
import { encodeBundle } from '../attestation/collateral/bundle.ts';
import type { Collateral } from '../attestation/collateral/collateral.ts';
import { openCollateral } from '../attestation/collateral-folder/open-collateral.ts';
import { attestationResult, refusalOf } from '../attestation/attestation-result.ts';
import { decodeEvidence } from '../attestation/evidence.ts';
import { hardwareVerifiers, platformMeasurement, type CollateralSource } from '../attestation/hardware-verifier.ts';
import { ReportData } from '../attestation/report-data.ts';
import type { VendorRoots } from '../attestation/trust/vendor-roots.ts';
import { VENDOR_ROOTS } from '../attestation/trust/vendor-roots.ts';
import { verifierRegistry, type VerifierRegistry } from '../attestation/verifier.ts';
import { verifyEvidence } from '../attestation/verify-evidence.ts';
import type { Attester } from '../attestation/attester.ts';
import { systemClock, type ChannelClock } from '../channel/clock.ts';
import type { DeviceAttester } from '../channel/evidence-exchange.ts';
import { systemRandom, type Random } from '../channel/random.ts';
import type { AttestationSettings } from '../config/program-fields.ts';
import { refusal, RefusalError } from '../core/errors.ts';
import { hash } from '../core/hash.ts';
import type { Digest, PublicKey } from '../core/ids.ts';
import { systemStudyRandom, type StudyRandom } from '../core/study-random.ts';
import { ownAttester, type MachinePorts, type OwnAttester } from './own-attester.ts';

/** The most that a publication record takes (lib/audit/passport-bundle.ts). */
const MAX_PUBLICATION_BYTES = 256 << 10;

/** What a production program gets from the machine that it runs on. */
export interface HardwarePlatform {
  readonly attester: Attester;
  /** Absent: no GPU attests beside the processor. */
  readonly devices?: DeviceAttester;
  readonly verifiers: VerifierRegistry;
  readonly random: Random;
  readonly studyRandom: StudyRandom;
  readonly clock: ChannelClock;
}

export interface HardwareOptions {
  readonly settings: AttestationSettings | undefined;
  readonly machine: MachinePorts;
  /** One line for the log, no secret. */
  readonly warn: (message: string) => void;
  /** Other roots than the vendors' exist in tests only. */
  readonly roots?: VendorRoots;
}

interface EnclaveParts {
  readonly sealingKey: Uint8Array;
  readonly software: Digest;
  readonly publishedCollateral: () => Uint8Array;
}

/**
 * Opens the platform of a production program. Throws RefusalError: E-CONFIG without settings, E-ATTEST-PLATFORM where
 * the machine has no TEE that we know, E-STORE-… where the collateral cannot be read.
 */
export async function openHardwarePlatform(options: HardwareOptions): Promise<HardwarePlatform> {
  return (await open(options)).platform;
}

/**
 * The same for the enclave, with its sealing key and the digest of its own registers, which its statements name.
 * Asks for evidence once: an enclave whose own evidence is not genuine, or that may be debugged, does not start.
 */
export async function openHardwareEnclavePlatform(options: HardwareOptions): Promise<HardwarePlatform & EnclaveParts> {
  const { platform, own, collateral } = await open(options);
  const software = await ownMeasurement(own, collateral, options.roots ?? VENDOR_ROOTS);
  const sealingKey = await own.sealing.keyFor('state');
  return { ...platform, software, sealingKey, publishedCollateral: () => forPublication(collateral.current()) };
}

async function open({ settings, machine, warn, roots }: HardwareOptions): Promise<{
  readonly platform: HardwarePlatform;
  readonly own: OwnAttester;
  readonly collateral: CollateralSource;
}> {
  if (settings === undefined) {
    const want = 'this program runs on real hardware and needs its settings; on a machine without it, use --simulation';
    throw new RefusalError(refusal('E-CONFIG', `attestation: ${want}`));
  }
  const own = await ownAttester(settings, machine);
  const collateral = openCollateral(settings.collateral, { now: () => Date.now(), warn });
  const { gpuCommand } = settings;
  const gpus =
    gpuCommand === undefined ? null : nvidiaCommand(gpuCommand === 'nvattest' ? {} : { command: gpuCommand });
  const platform = {
    attester: own.attester,
    ...(gpus === null ? {} : { devices: gpus }),
    verifiers: verifierRegistry(hardwareVerifiers({ collateral, ...(roots === undefined ? {} : { roots }) })),
    random: systemRandom,
    studyRandom: systemStudyRandom(systemRandom),
    clock: systemClock,
  };
  return { platform, own, collateral };
}

/** Of evidence for a binder that nobody can use: every field of it is random. */
async function ownMeasurement(own: OwnAttester, collateral: CollateralSource, roots: VendorRoots): Promise<Digest> {
  const drawn = (): Uint8Array => systemRandom(32);
  const binder = new Binder({
    role: 'enclave',
    exportedKey: drawn(),
    nonce: drawn(),
    attestationSequence: 0,
    bootKey: drawn() as PublicKey,
    organisation: null,
    contractDigest: hash('seed', drawn()),
    deviceEvidence: null,
    head: { counter: 0, digest: hash('seed', drawn()) },
  });
  const reportData = ReportData.ofBinders([binder]);
  const envelope = decodeEvidence(await own.attester.attest(reportData));
  if (!envelope.ok) throw new RefusalError(envelope.error);
  const at = Math.max(systemClock.now(), collateral.newestSignedMs());
  const { claims, checks } = verifyEvidence({
    format: own.platform,
    bytes: envelope.value.bytes,
    collateral: collateral.current(),
    at,
    roots,
    policy: null,
    expected: { reportData: ReportData.bytesOf(reportData) },
  });
  const failed = checks.filter(({ passed, missing }) => !passed && missing !== true);
  const refused = refusalOf(
    attestationResult({ platform: own.platform, simulated: false, at: systemClock.now(), checks: failed }),
  );
  if (refused !== null)
    throw new RefusalError({ ...refused, detail: `this machine’s own evidence: ${refused.detail}` });
  if (claims === null) throw new RefusalError(refusal('E-ATTEST-SIGNATURE', 'this machine’s own evidence'));
  if (claims.debug) throw new RefusalError(refusal('E-ATTEST-DEBUG', 'this machine’s own evidence'));
  return platformMeasurement(claims);
}

/** What a processor's evidence needs, as a bundle; devices are not part of publications. Empty where it would be too large. */
function forPublication(collateral: Collateral): Uint8Array {
  const bundle = encodeBundle(collateral.filter(({ kind }) => kind !== 'rim' && kind !== 'ocsp-response'));
  return bundle.length <= MAX_PUBLICATION_BYTES ? bundle : new Uint8Array();
}
