import { bytesEqual, toHex } from '../../core/bytes.ts';
import type { Check } from '../attestation-result.ts';
import { missingCheck, type AuthenticationInputs } from '../authentication.ts';
import type { Certificate } from '../x509/certificate.ts';
import { checkChain } from '../x509/check-chain.ts';
import type { OcspResponse } from '../x509/ocsp-response.ts';
import { ocspChecks } from '../x509/ocsp-status.ts';
import { FWID_EXTENSIONS, certifiedDevice, deviceChain, signedBy, type CertifiedDevice } from './device-certificate.ts';
import type { DeviceEvidence } from './gpu-evidence.ts';

/** Index of the certificate that NVIDIA issued to the device: revocation is published from here on. */
export const IDENTITY_INDEX = 1;

/** With what was given as OCSP answers, read once. */
export interface NvidiaInputs extends AuthenticationInputs {
  readonly answers: readonly OcspResponse[];
}

/** One device with its name in messages, what its certificates say, and every check of them. */
export interface CheckedDevice {
  /** `GPU 0`, `switch 1`. */
  readonly label: string;
  readonly device: DeviceEvidence;
  readonly certified: CertifiedDevice;
  readonly checks: readonly Check[];
}

export function checkDevices(
  devices: readonly DeviceEvidence[],
  pool: readonly Certificate[],
  inputs: NvidiaInputs,
): CheckedDevice[] {
  const count = { gpu: 0, switch: 0 };
  return devices.map((device) => {
    const { kind } = device.identity;
    const label = `${kind === 'gpu' ? 'GPU' : 'switch'} ${count[kind]++}`;
    const chain = deviceChain(device.report, device.chain, pool);
    const certified = certifiedDevice(chain);
    const checks = [
      ...wrapperCheck(label, device, certified),
      ...(chain.length === 0
        ? [missingCheck(`${label} certificates`, 'the certificate chain of the device')]
        : chainChecks(label, device, chain, certified, inputs)),
    ];
    return { label, device, certified, checks };
  });
}

function chainChecks(
  label: string,
  device: DeviceEvidence,
  chain: readonly Certificate[],
  certified: CertifiedDevice,
  { at, roots, answers, revocation, acceptHold = false }: NvidiaInputs,
): Check[] {
  const signed = signedBy(device.report, chain[0]);
  return [
    ...checkChain(chain, { roots: roots['nvidia-device'], at, label: `${label} chain`, understood: FWID_EXTENSIONS }),
    ...ocspChecks(chain, { at, responses: answers, revocation, label, from: IDENTITY_INDEX, acceptHold }),
    {
      name: `${label} report signature`,
      code: 'E-ATTEST-SIGNATURE',
      passed: signed,
      got: signed ? 'valid' : 'not by the leaf of the chain',
      want: 'ECDSA P-384 by the leaf of the chain',
    },
    fwidCheck(label, device, certified),
    chipCheck(label, device, certified),
  ];
}

/** The firmware in the report is the firmware that the leaf was issued to. */
function fwidCheck(label: string, { identity }: DeviceEvidence, { fwid }: CertifiedDevice): Check {
  const reported = identity.fwid === null ? null : toHex(identity.fwid);
  return {
    name: `${label} firmware id`,
    code: 'E-ATTEST-MISMATCH',
    passed: reported === null || reported === fwid,
    got: reported ?? 'not reported (older firmware)',
    want: fwid ?? 'a firmware id in the certificate',
  };
}

/** The certificates are of the kind of device, and of the very switch, that the report speaks of. */
function chipCheck(
  label: string,
  { identity }: DeviceEvidence,
  { chip, architecture, serial }: CertifiedDevice,
): Check {
  const kind = architecture === 'LS10' ? 'switch' : 'gpu';
  const sameSwitch = identity.pdi === null || serial?.toLowerCase().endsWith(identity.pdi) === true;
  const name = identity.pdi === null ? identity.kind : `${identity.kind} ${identity.pdi}`;
  return {
    name: `${label} identity`,
    code: 'E-ATTEST-MISMATCH',
    passed: architecture !== null && kind === identity.kind && sameSwitch,
    got: `certified ${chip ?? 'as an unknown chip'}, serial ${serial ?? 'none'}`,
    want: `certificates of the ${name}`,
  };
}

/** What the wrapper states without signature must at least not contradict the report. */
function wrapperCheck(
  label: string,
  { stated, report, identity }: DeviceEvidence,
  certified: CertifiedDevice,
): Check[] {
  const pairs: readonly [string, string | null, string | null][] = [
    ['nonce', stated.nonce === null ? null : toHex(stated.nonce), toHex(report.requestNonce)],
    ['arch', stated.arch, certified.architecture],
    ['driver', stated.driverVersion, identity.driverVersion],
    ['firmware', stated.vbiosVersion, identity.vbiosVersion],
  ];
  const given = pairs.filter(([, said, signed]) => said !== null && signed !== null);
  const wrong = given.filter(([, said, signed]) => said !== signed);
  if (given.length === 0) return [];
  return [
    {
      name: `${label} wrapper`,
      code: 'E-ATTEST-MISMATCH',
      passed: wrong.length === 0,
      got: wrong.length === 0 ? 'agrees' : wrong.map(([what, said]) => `${what} ${said ?? ''}`).join(', '),
      want: wrong.length === 0 ? 'as signed' : wrong.map(([what, , signed]) => `${what} ${signed ?? ''}`).join(', '),
    },
  ];
}

/** Rules between the devices of one piece of evidence. */
export function setChecks(checked: readonly CheckedDevice[]): Check[] {
  const serials = checked.map(({ certified }) => certified.serial).filter((serial) => serial !== null);
  const repeated = [...new Set(serials.filter((serial, index) => serials.indexOf(serial) !== index))];
  const nameless = checked.filter(({ certified }) => certified.ueid !== null && certified.serial === null);
  const faults = [
    ...repeated.map((serial) => `${serial} more than once`),
    ...nameless.map(({ label }) => `${label} has no certified serial number`),
  ];
  const gpus = checked.map(({ device }) => device.identity).filter(({ kind }) => kind === 'gpu');
  const modes = [...new Set(gpus.map(({ mode }) => mode))];
  const several: Check[] = [
    {
      name: 'distinct devices',
      code: 'E-ATTEST-MISMATCH',
      passed: faults.length === 0,
      got: faults.length === 0 ? `${serials.length} devices` : faults.join(', '),
      want: 'each device once',
    },
    {
      name: 'one mode',
      code: 'E-ATTEST-MISMATCH',
      passed: modes.length <= 1,
      got: modes.join(', '),
      want: 'all GPUs in the same mode',
    },
  ];
  return [...(checked.length > 1 ? several : []), ...pairingCheck(checked)];
}

/** GPUs and switches that came together: each GPU linked to exactly these switches, all switches to as many GPUs. */
function pairingCheck(checked: readonly CheckedDevice[]): Check[] {
  const switches = checked.filter(({ device }) => device.identity.kind === 'switch');
  const gpus = checked.filter(({ device }) => device.identity.kind === 'gpu');
  if (switches.length === 0 || gpus.length === 0) return [];
  const present = switches
    .map(({ device }) => device.identity.pdi ?? '')
    .sort()
    .join();
  // A GPU's own identifier is in no signed field of its evidence: switches can only be held against each other.
  const linkedGpus = switches[0]?.device.identity.linked ?? [];
  const strays = [
    ...gpus.filter(({ device }) => device.identity.linked.join() !== present),
    ...switches.filter(({ device: { identity } }) => identity.linked.join() !== linkedGpus.join()),
    ...(linkedGpus.length === gpus.length ? [] : switches.slice(0, 1)),
  ].map(({ label }) => label);
  return [
    {
      name: 'switch pairing',
      code: 'E-ATTEST-MISMATCH',
      passed: strays.length === 0,
      got: strays.length === 0 ? 'all linked to each other' : `${[...new Set(strays)].join(', ')} linked to others`,
      want: `${gpus.length} GPUs and ${switches.length} switches linked to each other`,
    },
  ];
}

/** The nonce that all requests carried; null: they differ. */
export function commonNonce(devices: readonly DeviceEvidence[]): Uint8Array | null {
  const [first] = devices.map(({ report }) => report.requestNonce);
  return first !== undefined && devices.every(({ report }) => bytesEqual(report.requestNonce, first)) ? first : null;
}
