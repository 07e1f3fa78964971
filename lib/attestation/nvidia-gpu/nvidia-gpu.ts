import { toHex } from '../../core/bytes.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import type { Check } from '../attestation-result.ts';
import { authentication, type Authentication, type AuthenticationInputs } from '../authentication.ts';
import { ofKind } from '../collateral/collateral.ts';
import { total } from '../formats/malformed.ts';
import type { PlatformModule } from '../platform-module.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { parseOcspResponse } from '../x509/ocsp-response.ts';
import { checkDevices, commonNonce, setChecks, type CheckedDevice, type NvidiaInputs } from './device-checks.ts';
import { measurementChecks, runtimeMeasurements } from './golden-measurements.ts';
import { readGpuEvidence, type GpuEvidence } from './gpu-evidence.ts';
import type { NvidiaDeviceClaims, NvidiaGpuClaims } from './nvidia-claims.ts';
import { nvidiaFields } from './nvidia-fields.ts';
import { appraiseNvidia, nvidiaPolicy } from './nvidia-policy.ts';
import { rimOf, type Rim } from './rim.ts';
import { chooseRim, wantedRims, type ChosenRim, type WantedRim } from './rim-choice.ts';

const BINARY = Buffer.of(0x11, 0xe0, 0x01, 0xff);
/** The same four bytes in hexadecimal or Base64, alone or inside JSON. */
const TEXT = /^\s*(?:11e001ff|EeAB\/|[[{][\s\S]*?"(?:11e001ff|EeAB(?:\/|\\\/)))/i;

/** GPUs of NVIDIA with confidential computing (Hopper, Blackwell) and NVLink switches (LS10): SPDM reports against RIMs. */
export const nvidiaGpu: PlatformModule<GpuEvidence, NvidiaGpuClaims, typeof nvidiaPolicy.keys> = {
  format: 'nvidia-gpu',
  recognises: (bytes) =>
    BINARY.equals(bytes.subarray(0, BINARY.length)) || TEXT.test(Buffer.from(bytes).toString('latin1')),
  parse: (bytes) => total('GPU evidence', () => readGpuEvidence(bytes)),
  fields: nvidiaFields,
  authenticate,
  policy: nvidiaPolicy,
  appraise: (claims, policy) => appraiseNvidia(claims, policy),
};

function authenticate({ devices }: GpuEvidence, given: AuthenticationInputs): Authentication<NvidiaGpuClaims> {
  const { collateral } = given;
  const certificates = ofKind(collateral, 'certificate').map(({ der }) => parseCertificate(der));
  const rims = ofKind(collateral, 'rim').map(rimOf);
  const answers = ofKind(collateral, 'ocsp-response').map(({ der }) => parseOcspResponse(der));
  const inputs = { ...given, answers: readable(answers) };
  const checked = checkDevices(devices, readable(certificates), inputs);
  const needs = checked.map((device) => ({ device, wanted: wantedRims(device.device, device.certified.chip) }));
  const chosen = chosenRims(needs, readable(rims), inputs);
  const checks = [
    ...unreadable([...rims, ...answers]),
    ...needs.flatMap(({ device }) => device.checks),
    ...setChecks(checked),
    ...[...chosen.values()].flatMap((choice) => choice.checks),
    ...needs.flatMap((need) => measured(need, chosen)),
  ];
  return authentication(claimsOf(needs, chosen, checks), checks);
}

interface Need {
  readonly device: CheckedDevice;
  readonly wanted: readonly WantedRim[];
}

/** One for each id that a device needs, judged by all devices that need it. */
function chosenRims(needs: readonly Need[], rims: readonly Rim[], inputs: NvidiaInputs): Map<string, ChosenRim> {
  const wanted = new Map(needs.flatMap((need) => need.wanted.map((rim) => [rim.id, rim])));
  return new Map(
    [...wanted.values()].map((rim) => {
      const users = needs.filter((need) => need.wanted.some(({ id }) => id === rim.id));
      const devices = users.map(({ device }) => device.device);
      return [rim.id, chooseRim(rim, rims, devices, inputs)];
    }),
  );
}

const readable = <T>(parsed: readonly Result<T, Refusal>[]): T[] =>
  parsed.flatMap((item) => (item.ok ? [item.value] : []));

/** Compared with the RIMs that were given; those that were not are named as missing. */
function measured({ device, wanted }: Need, chosen: ReadonlyMap<string, ChosenRim>): Check[] {
  const rims = wanted.flatMap(({ id }) => chosen.get(id)?.rim ?? []);
  return rims.length === 0 ? [] : measurementChecks(device.label, device.device, rims);
}

/** What was given for NVIDIA alone and cannot be read: perhaps the very manifest or revocation that matters. */
function unreadable(parsed: readonly Result<unknown, Refusal>[]): Check[] {
  return parsed.flatMap((item): Check[] =>
    item.ok
      ? []
      : [
          {
            name: 'collateral',
            code: 'E-ATTEST-COLLATERAL-INVALID',
            passed: false,
            got: item.error.detail,
            want: 'RIMs and OCSP answers that can be read',
          },
        ],
  );
}

function claimsOf(
  needs: readonly Need[],
  chosen: ReadonlyMap<string, ChosenRim>,
  checks: readonly Check[],
): NvidiaGpuClaims {
  const devices = needs.map((need) => deviceClaims(need, chosen));
  const alone = needs.length === 1;
  const measurements = needs.flatMap(({ device }) =>
    [...runtimeMeasurements(device.device)].map(([index, value]) => {
      const prefix = alone ? '' : `${device.label.replace(' ', '').toLowerCase()}.`;
      return [`${prefix}Measurement_${index}`, value] as const;
    }),
  );
  const serials = devices.map(({ serial }) => serial ?? '');
  return {
    format: 'nvidia-gpu',
    measurements: Object.fromEntries(measurements),
    reportData: null,
    nonce: commonNonce(needs.map(({ device }) => device.device)),
    instance: serials.every((serial) => serial !== '') ? serials.join(', ') : null,
    debug: false,
    issuedAt: null,
    devices,
    held: checks
      .filter(({ code, passed, got }) => code === 'E-ATTEST-REVOKED' && passed && got !== 'good')
      .map(({ name }) => name),
    details: { devices },
  };
}

function deviceClaims({ device, wanted }: Need, chosen: ReadonlyMap<string, ChosenRim>): NvidiaDeviceClaims {
  const { identity, report } = device.device;
  const { certified, label } = device;
  return {
    label,
    kind: identity.kind,
    architecture: certified.architecture,
    chip: identity.chipInfo ?? certified.chip,
    serial: certified.serial,
    ueid: certified.ueid,
    nonce: toHex(report.requestNonce),
    mode: identity.mode,
    driverVersion: identity.driverVersion,
    firmwareVersion: identity.vbiosVersion,
    project: identity.project,
    firmwareId: identity.fwid === null ? null : toHex(identity.fwid),
    rims: wanted.map(({ id }) => id).filter((id) => (chosen.get(id)?.rim ?? null) !== null),
    linked: identity.linked,
  };
}
