import type { Check } from '../attestation-result.ts';
import { missingCheck } from '../authentication.ts';
import { checkChain } from '../x509/check-chain.ts';
import { ocspChecks } from '../x509/ocsp-status.ts';
import { mismatches } from './golden-measurements.ts';
import type { DeviceEvidence } from './gpu-evidence.ts';
import type { NvidiaInputs } from './device-checks.ts';
import type { Rim } from './rim.ts';
import { xmlSignatureFault } from './xml-signature.ts';

/** A RIM that a device needs. NVIDIA's service knows it by `id`; the signed file holds product, edition and version. */
export interface WantedRim {
  readonly id: string;
  /** Names of the chip; empty: not known, any fits. */
  readonly products: readonly string[];
  readonly edition: 'GPU' | 'SWITCH';
  readonly version: string;
}

/** Names as NVIDIA's RIM service gives them out: driver and firmware for a GPU, firmware for a switch. */
export function wantedRims({ identity }: DeviceEvidence, certifiedChip: string | null): WantedRim[] {
  const { kind, chipInfo, driverVersion, vbiosVersion, project } = identity;
  const products = [chipInfo, certifiedChip].filter((chip) => chip !== null);
  const firmware = `${project}_${vbiosVersion.replaceAll('.', '')}`;
  if (kind === 'switch') {
    return [{ id: `NV_SWITCH_BIOS_${firmware}`, products, edition: 'SWITCH', version: vbiosVersion }];
  }
  const chip = chipInfo ?? certifiedChip ?? 'unknown chip';
  const driver = driverVersion ?? '';
  const driverId = chip === 'GH100' ? `NV_GPU_DRIVER_GH100_${driver}` : `NV_GPU_CC_DRIVER_${chip}_${driver}`;
  return [
    { id: driverId, products, edition: 'GPU', version: driver.toUpperCase() },
    { id: `NV_GPU_VBIOS_${firmware}`, products, edition: 'GPU', version: vbiosVersion },
  ];
}

export interface ChosenRim {
  readonly rim: Rim | null;
  readonly checks: readonly Check[];
}

/**
 * The given RIM for `wanted`. Where several fit (the project is in no signed field), those in order come first, then
 * the one whose measurements fit best; all are NVIDIA's for this chip and version.
 */
export function chooseRim(
  wanted: WantedRim,
  given: readonly Rim[],
  devices: readonly DeviceEvidence[],
  inputs: NvidiaInputs,
): ChosenRim {
  const candidates = given
    .filter((rim) => fits(rim, wanted))
    .map((rim) => ({ rim, checks: rimChecks(wanted.id, rim, inputs) }))
    .map((candidate) => ({ ...candidate, badness: badness(candidate, devices) }));
  const [best] = candidates.sort((a, b) => a.badness - b.badness);
  return best ?? { rim: null, checks: [missingCheck(`RIM ${wanted.id}`, `the RIM ${wanted.id}`)] };
}

export const fits = ({ product, edition, version }: Rim, wanted: WantedRim): boolean =>
  edition === wanted.edition &&
  version === wanted.version &&
  (wanted.products.length === 0 || wanted.products.includes(product));

const MORE_THAN_ALL_MEASUREMENTS = 1e6;

const badness = ({ rim, checks }: { rim: Rim; checks: readonly Check[] }, devices: readonly DeviceEvidence[]): number =>
  checks.filter(({ passed }) => !passed).length * MORE_THAN_ALL_MEASUREMENTS +
  devices.reduce((sum, device) => sum + mismatches(device, rim).length, 0);

/** Signature over the whole document, chain to the pinned CoRIM root, revocation of everything below it. */
function rimChecks(id: string, { signature }: Rim, inputs: NvidiaInputs): Check[] {
  const { at, roots, answers, revocation, acceptHold = false } = inputs;
  const label = `RIM ${id}`;
  const [signer] = signature.certificates;
  const fault = xmlSignatureFault(signature, signer);
  return [
    {
      name: `${label} signature`,
      code: 'E-ATTEST-COLLATERAL-INVALID',
      passed: fault === null,
      got: fault ?? 'valid',
      want: 'the whole document signed with ECDSA P-384 and SHA-384',
    },
    ...checkChain(signature.certificates, { roots: roots['nvidia-rim'], at, label }).map((check): Check => ({
      ...check,
      code: 'E-ATTEST-COLLATERAL-INVALID',
    })),
    ...ocspChecks(signature.certificates, { at, responses: answers, revocation, label, from: 0, acceptHold }),
  ];
}
