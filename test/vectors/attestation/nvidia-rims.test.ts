import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failuresOf, attestationResult } from '../../../lib/attestation/attestation-result.ts';
import { parseRim, type Rim } from '../../../lib/attestation/nvidia-gpu/rim.ts';
import { xmlSignatureFault } from '../../../lib/attestation/nvidia-gpu/xml-signature.ts';
import { VENDOR_ROOTS } from '../../../lib/attestation/trust/vendor-roots.ts';
import { checkChain } from '../../../lib/attestation/x509/check-chain.ts';
import { instant } from '../../../lib/core/ids.ts';
import { evidenceVectorsAbsent, vectorFiles, vectorText } from './evidence-vectors.ts';

/** While the signers of most files were valid. */
const AT = Date.parse('2025-01-01');
/** The switch's signer is valid from 2026-05-20, another from 2025-05-24. */
const LATER = Date.parse('2026-06-01');
const CHANGED = 'the document is not what was signed';

/** File name → [product, version, active measurements, fault, checks of its chain that fail at AT]. */
const unusual: Readonly<Record<string, readonly [string, string, number, string | null, readonly string[]]>> = {
  'Driver_RIM_test_no_gpu.swidtag': ['GH100', '545.00', 21, null, []],
  'NV_GPU_DRIVER_GH100_550.144.03.xml': ['GH100', '550.144.03', 21, null, []],
  'incorrect_cert_chain_driver_rim.xml': ['GB100', '97.00.83.00.09', 20, null, ['root', 'signatures', 'validity']],
  'incorrect_signature_driver_rim.xml': ['GH100', '550.144.03', 21, 'the signature is not by its certificate', []],
  'NV_GPU_DRIVER_GH100_535.86.09_measurement_mismatch.xml': ['GH100', '535.86.09', 22, CHANGED, ['validity']],
  'NV_GPU_DRIVER_GH100_570.124.03_expired.xml': ['GH100', '570.124.03', 21, CHANGED, []],
  // "Mismatch" in its name is about a report it is used with; the file itself is genuine.
  'NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml': ['GH100', '96.00.5E.00.01', 12, null, []],
  'NV_SWITCH_BIOS_5612_0002_890_9610550001_invalid_signature.xml': ['LS10', '96.10.55.00.01', 31, CHANGED, []],
  'NV_SWITCH_BIOS_5612_0002_890_9610550001_measurement_mismatch.xml': ['GH100', '96.10.55.00.01', 12, CHANGED, []],
  'switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml': ['LS10', '96.10.55.00.01', 31, null, ['validity']],
};

const files = vectorFiles('nvidia', /\.(?:xml|swidtag)$/);
const nameOf = (path: string): string => path.split('/').at(-1) ?? '';

/** `1010_0200_882_960074001A_PROD.swidtag` holds the firmware RIM of 96.00.74.00.1A. */
function firmwareVersion(name: string): string {
  const digits = /_([0-9A-F]{10})_(?:PROD|test)/.exec(name)?.[1] ?? '';
  return digits.replace(/(..)(?=.)/g, '$1.');
}

function read(path: string): Rim {
  const parsed = parseRim(vectorText(path));
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return parsed.value;
}

function chainFailures({ signature }: Rim, at: number): string[] {
  const checks = checkChain(signature.certificates, { roots: VENDOR_ROOTS['nvidia-rim'], at, label: 'RIM' });
  return failuresOf(attestationResult({ platform: null, simulated: false, at: instant(at), checks })).map(
    ({ detail }) => detail.slice('RIM '.length),
  );
}

describe.skipIf(evidenceVectorsAbsent)('NVIDIA’s reference integrity manifests', () => {
  it('are 29 genuine ones and 6 that are not', () => {
    const genuine = files.filter((path) => {
      const rim = read(path);
      const chain = [AT, LATER].some((at) => chainFailures(rim, at).length === 0);
      return chain && xmlSignatureFault(rim.signature, rim.signature.certificates[0]) === null;
    });
    expect([genuine.length, files.length - genuine.length]).toEqual([29, 6]);
  });

  it.each(files.map((path) => [nameOf(path), path] as const))('%s', (name, path) => {
    const rim = read(path);
    const row = unusual[name] ?? ['GH100', firmwareVersion(name), 12, null, []];
    const fault = xmlSignatureFault(rim.signature, rim.signature.certificates[0]);
    expect([rim.product, rim.version, rim.golden.size, fault, chainFailures(rim, AT)]).toEqual(row);
  });

  it('are refused after any change of a byte, however they are then read', () => {
    const path = files.find((file) => file.endsWith('Driver_RIM_test_no_gpu.swidtag')) ?? '';
    const text = vectorText(path);
    const survivors: number[] = [];
    for (let at = 0; at < text.length; at += 101) {
      const altered = `${text.slice(0, at)}${String.fromCharCode(text.charCodeAt(at) ^ 1)}${text.slice(at + 1)}`;
      const parsed = parseRim(altered);
      if (!parsed.ok) continue;
      const { signature } = parsed.value;
      const sound = xmlSignatureFault(signature, signature.certificates[0]) === null;
      if (sound && chainFailures(parsed.value, AT).length === 0) survivors.push(at);
    }
    // White space inside Base64 (of certificates) stands for nothing.
    expect(
      survivors.filter((at) => !/\s/.test(text[at] ?? '') && !/\s/.test(String.fromCharCode(text.charCodeAt(at) ^ 1))),
    ).toEqual([]);
  });

  it('never make the parser throw', () => {
    const texts = files.slice(0, 3).map((path) => vectorText(path));
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.nat(), fc.nat(60), fc.string(), (text, at, length, inserted) => {
        const start = at % text.length;
        const result = parseRim(text.slice(0, start) + inserted + text.slice(start + length));
        return result.ok || result.error.code === 'E-ATTEST-MALFORMED';
      }),
      { numRuns: 150 },
    );
  });
});
