import { toHex } from '../../core/bytes.ts';
import type { Check } from '../attestation-result.ts';
import type { DeviceEvidence } from './gpu-evidence.ts';
import type { GoldenMeasurement, Rim } from './rim.ts';

/** Firmware of a video decoder: NVIDIA's verifiers do not compare it where the decoder is disabled. */
const NVDEC0_INDEX = 35;

/** Measured values by the RIM's index, which counts from 0. */
export const runtimeMeasurements = ({ report }: DeviceEvidence): ReadonlyMap<number, string> =>
  new Map(report.blocks.map(({ index, value }) => [index - 1, toHex(value)]));

/** Active values of `rim` that the device did not measure. */
export function mismatches(device: DeviceEvidence, { golden }: Rim): readonly GoldenMeasurement[] {
  const runtime = runtimeMeasurements(device);
  return [...golden.values()].filter(({ index, alternatives }) => {
    const value = runtime.get(index);
    const exempt = index === NVDEC0_INDEX && device.identity.nvdec0Disabled && value !== undefined;
    return !exempt && (value === undefined || !alternatives.includes(value));
  });
}

/** Every active value of every RIM must have been measured; an index that two RIMs speak of is refused. */
export function measurementChecks(label: string, device: DeviceEvidence, rims: readonly Rim[]): Check[] {
  const golden = rims.flatMap((rim) => [...rim.golden.values()]);
  const wrong = rims.flatMap((rim) => mismatches(device, rim));
  const twice = [...new Set(golden.map(({ index }) => index))].filter(
    (index) => golden.filter((value) => value.index === index).length > 1,
  );
  const runtime = runtimeMeasurements(device);
  const compared = golden.length - wrong.length;
  const uncompared = golden.filter(({ index, alternatives }) => {
    return index === NVDEC0_INDEX && device.identity.nvdec0Disabled && !alternatives.includes(runtime.get(index) ?? '');
  });
  const note = uncompared.length === 0 ? '' : `, ${NVDEC0_INDEX} not compared: NVDEC0 is disabled`;
  return [
    {
      name: `${label} measurements`,
      code: 'E-ATTEST-MEASUREMENT',
      passed: golden.length > 0 && wrong.length === 0,
      got: `${compared} of ${golden.length}${note}`,
      want: 'every active value of the RIMs',
    },
    ...wrong.map(({ index, name, alternatives }): Check => ({
      name: `${label} measurement ${index} (${name})`,
      code: 'E-ATTEST-MEASUREMENT',
      passed: false,
      got: runtime.get(index) ?? 'not measured',
      want: alternatives.join(' or '),
    })),
    ...twice.map((index): Check => ({
      name: `${label} measurement ${index}`,
      code: 'E-ATTEST-COLLATERAL-INVALID',
      passed: false,
      got: 'in two RIMs',
      want: 'in one of them',
    })),
  ];
}
