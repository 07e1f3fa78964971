import { err, ok } from '../../core/result.ts';
import type { Check } from '../attestation-result.ts';
import {
  choices,
  flag,
  section,
  texts,
  wholeNumber,
  type PolicyKey,
  type SectionValues,
} from '../policy/policy-section.ts';
import type { NvidiaDeviceClaims, NvidiaGpuClaims } from './nvidia-claims.ts';

const ARCHITECTURES = ['HOPPER', 'BLACKWELL', 'LS10'] as const;
const MODES = ['SPT', 'MPT', 'PPCIE', 'unstated'] as const;
const VERSION = /^[0-9A-Fa-f]{1,8}(?:\.[0-9A-Fa-f]{1,8}){1,5}$/;

const version = (about: string, example: string): PolicyKey<string | null> => ({
  about,
  accepts: 'a version as text, parts separated by dots',
  fallback: null,
  otherwise: 'any',
  example,
  read: (value) => (typeof value === 'string' && VERSION.test(value) ? ok(value.toUpperCase()) : err('no version')),
});

const anyOf = (about: string, example: string): PolicyKey<readonly string[] | null> =>
  texts({ about, example, fallback: null, otherwise: 'any' });

export const nvidiaPolicy = section('nvidia-gpu', 'GPUs of NVIDIA with confidential computing, and their switches.', {
  gpus: wholeNumber<number | null>(1, 32, {
    about: 'How many GPUs the evidence must hold: as many as the workload will use.',
    fallback: null,
    otherwise: 'any number',
    example: '8',
  }),
  architectures: choices(ARCHITECTURES, {
    about: 'Generations that are allowed; LS10 is the NVLink switch of Hopper.',
    fallback: ARCHITECTURES,
    otherwise: 'all',
    example: '[HOPPER]',
  }),
  modes: choices(MODES, {
    about:
      'SPT: one GPU for one machine. MPT: several, NVLink encrypted. PPCIE: several, NVLink in plain text inside the node. unstated: firmware that does not say.',
    fallback: MODES,
    otherwise: 'all',
    example: '[SPT]',
  }),
  rims: anyOf(
    'The only reference manifests (RIM ids) whose measurements are allowed.',
    '[NV_GPU_DRIVER_GH100_550.144.03]',
  ),
  drivers: anyOf('The only driver versions allowed.', '["550.144.03"]'),
  minimumDriver: version('The oldest driver version allowed.', '"550.144.03"'),
  firmware: anyOf('The only firmware (VBIOS) versions allowed, for GPUs and switches.', '["96.00.9F.00.01"]'),
  minimumFirmware: version(
    'The oldest firmware (VBIOS) version allowed on a GPU. Generations number differently: give one policy each.',
    '"96.00.9F.00.01"',
  ),
  serials: anyOf(
    'The only devices allowed, by the serial number that NVIDIA certified (`serial` in the claims).',
    '[41431D480FE5E87274]',
  ),
  requireFirmwareId: flag({
    about: 'Whether the report must repeat the firmware id of its certificate; older firmware does not.',
    fallback: true,
    otherwise: 'true',
    example: 'false',
  }),
  requireSwitches: flag({
    about: 'Whether GPUs in mode PPCIE must come together with the evidence of the switches they are linked to.',
    fallback: true,
    otherwise: 'true',
    example: 'false',
  }),
  allowHold: flag({
    about: 'Whether a certificate may be on hold, as those of pre-production devices are.',
    fallback: false,
    otherwise: 'false',
    example: 'true',
  }),
});

type Policy = SectionValues<typeof nvidiaPolicy.keys>;

/** Every rule for every device, each with what was found. */
export function appraiseNvidia({ devices, held }: NvidiaGpuClaims, policy: Policy): Check[] {
  const gpus = devices.filter(({ kind }) => kind === 'gpu');
  return [
    rule(
      'GPU count',
      policy.gpus === null || gpus.length === policy.gpus,
      String(gpus.length),
      String(policy.gpus ?? 'any'),
    ),
    {
      ...rule('hold', held.length === 0 || policy.allowHold, held.join(', ') || 'none', 'none on hold'),
      code: 'E-ATTEST-REVOKED',
    },
    ...devices.flatMap((device) => deviceRules(device, policy, devices)),
  ];
}

function deviceRules(device: NvidiaDeviceClaims, policy: Policy, all: readonly NvidiaDeviceClaims[]): Check[] {
  const { label, kind, mode, driverVersion, firmwareVersion, serial, rims, firmwareId } = device;
  const onList = (what: string, got: string | null, list: readonly string[] | null): Check =>
    rule(
      `${label} ${what}`,
      list === null || (got !== null && list.some((item) => same(item, got))),
      got ?? 'none',
      list?.join(', ') ?? 'any',
    );
  const atLeast = (what: string, got: string | null, least: string | null): Check => ({
    ...rule(
      `${label} oldest ${what}`,
      least === null || (got !== null && notOlder(got, least)),
      got ?? 'none',
      least ?? 'any',
    ),
    code: 'E-ATTEST-TCB',
  });
  const paired = all.some((other) => other.kind === 'switch');
  const gpuRules = [
    onList('mode', mode, policy.modes),
    onList('driver', driverVersion, policy.drivers),
    atLeast('driver', driverVersion, policy.minimumDriver),
    atLeast('firmware', firmwareVersion, policy.minimumFirmware),
    rule(
      `${label} firmware id`,
      firmwareId !== null || !policy.requireFirmwareId,
      firmwareId ?? 'not reported',
      'reported',
    ),
    rule(
      `${label} switches`,
      mode !== 'PPCIE' || paired || !policy.requireSwitches,
      paired ? 'given' : 'none',
      'given in mode PPCIE',
    ),
  ];
  return [
    onList('architecture', device.architecture, policy.architectures),
    onList('firmware', firmwareVersion, policy.firmware),
    { ...onList('serial number', serial, policy.serials), code: 'E-ATTEST-INSTANCE' },
    ...rims.map((rim) => ({ ...onList('RIM', rim, policy.rims), code: 'E-ATTEST-MEASUREMENT' as const })),
    ...(kind === 'gpu' ? gpuRules : []),
  ];
}

const rule = (name: string, passed: boolean, got: string, want: string): Check => ({
  name,
  code: 'E-ATTEST-POLICY',
  passed,
  got,
  want,
});

const same = (a: string, b: string): boolean => a.toUpperCase() === b.toUpperCase();

/** Part by part; hexadecimal keeps the order of decimal parts, which drivers have, too. */
function notOlder(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => text.split('.').map((part) => Number.parseInt(part, 16)));
  for (let index = 0; index < Math.max(a?.length ?? 0, b?.length ?? 0); index++) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
