import { toHex } from '../../core/bytes.ts';
import { Malformed } from '../formats/malformed.ts';
import type { OpaqueField, SpdmReport } from './spdm-report.ts';

/** Types of opaque data that mean something here (NVIDIA attestation SDK, opaque field identifiers). */
export const OPAQUE = {
  driverVersion: 3,
  gpuInfo: 4,
  vbiosVersion: 6,
  nvdec0: 11,
  measurementCounts: 12,
  protectedRegion: 13,
  board: 14,
  chipSku: 15,
  chipSkuMod: 16,
  project: 17,
  projectSku: 18,
  projectSkuMod: 19,
  fwid: 20,
  protectedPcie: 21,
  /** On a GPU the switches it is linked to, on a switch its own identifier. */
  pdi: 22,
  disabledPorts: 23,
  position: 24,
  switchLock: 25,
  linkedGpus: 26,
  enabledSystems: 33,
  opaqueVersion: 34,
  chipInfo: 35,
  featureFlag: 36,
} as const;

const NVDEC0_DISABLED = 0x55;
const PCIE_PROTECTED = 0xaa;
const PDI_BYTES = 8;
const FWID_BYTES = 48;
/** Field 26: eight identifiers, then 64 port numbers. */
const LINKED_GPUS = 8;
const SWITCH_BLOCKS_MAX = 31;
const MODES = ['SPT', 'MPT', 'PPCIE'] as const;
/** No GPU or switch of NVIDIA has these: the RIM service names switch firmware by them. */
const SWITCH_PROJECT = '5612_0002_890';

/** SPT: one GPU for one machine; MPT: several with encrypted NVLink; PPCIE: several with switches inside the boundary. */
export type GpuMode = (typeof MODES)[number] | 'unstated' | 'switch';

/** What the signed opaque data of one report say about the device. */
export interface DeviceIdentity {
  readonly kind: 'gpu' | 'switch';
  /** GH100, GB100, …; LS10 for a switch; null: the report does not say, the certificate does. */
  readonly chipInfo: string | null;
  /** Null on a switch. */
  readonly driverVersion: string | null;
  /** `96.00.5E.00.01`, upper case. */
  readonly vbiosVersion: string;
  /** Project, project SKU and chip SKU, joined by `_`. */
  readonly project: string;
  /** 48 bytes; null: older firmware has none. */
  readonly fwid: Uint8Array | null;
  readonly mode: GpuMode;
  /** True: NVDEC0 is disabled, and NVIDIA does not hold measurement 35 against such a GPU. */
  readonly nvdec0Disabled: boolean;
  /** The switch's own platform device identifier, hexadecimal; null on a GPU. */
  readonly pdi: string | null;
  /** GPU: switches it is linked to, as they name themselves; switch: GPUs it is linked to. */
  readonly linked: readonly string[];
}

/** Throws Malformed where a field that must be there is not, or is no value of its kind. */
export function deviceIdentity({ opaque, blocks }: SpdmReport): DeviceIdentity {
  const fields = new Map(opaque.map((field) => [field.type, field]));
  const text = (type: number): string | null => textOf(fields.get(type));
  const need = (type: number, what: string): OpaqueField => {
    const field = fields.get(type);
    if (field === undefined) throw new Malformed(`opaque data lack ${what}`);
    return field;
  };
  const driverVersion = text(OPAQUE.driverVersion);
  const kind = driverVersion === null && blocks.length <= SWITCH_BLOCKS_MAX ? 'switch' : 'gpu';
  const version = need(OPAQUE.vbiosVersion, 'the firmware version');
  const fwid = fields.get(OPAQUE.fwid);
  if (fwid !== undefined && fwid.data.length !== FWID_BYTES) throw new Malformed('FWID is not 48 bytes', fwid.offset);
  const pdis = fields.get(OPAQUE.pdi);
  if (kind === 'switch') {
    return {
      kind,
      chipInfo: 'LS10',
      driverVersion: null,
      vbiosVersion: (textOf(version) ?? '').toUpperCase(),
      project: SWITCH_PROJECT,
      fwid: fwid?.data ?? null,
      mode: 'switch',
      nvdec0Disabled: false,
      pdi: toHex(exactly(need(OPAQUE.pdi, 'the device identifier'), PDI_BYTES)),
      linked: identifiers(fields.get(OPAQUE.linkedGpus), LINKED_GPUS),
    };
  }
  if (driverVersion === null) throw new Malformed('opaque data lack the driver version');
  const parts = [OPAQUE.project, OPAQUE.projectSku, OPAQUE.chipSku].map((type) => textOf(need(type, 'the project')));
  return {
    kind,
    chipInfo: text(OPAQUE.chipInfo),
    driverVersion,
    vbiosVersion: packedVersion(version),
    project: parts.join('_'),
    fwid: fwid?.data ?? null,
    mode: modeOf(fields.get(OPAQUE.featureFlag), fields.get(OPAQUE.protectedPcie)),
    nvdec0Disabled: fields.get(OPAQUE.nvdec0)?.data[0] === NVDEC0_DISABLED,
    pdi: null,
    linked: identifiers(pdis, Infinity),
  };
}

/** Printable ASCII before trailing zeros; null: no such field. */
export function textOf(field: OpaqueField | undefined): string | null {
  if (field === undefined) return null;
  const text = Buffer.from(field.data).toString('latin1').replace(/\0+$/, '');
  if (!/^[!-~]{1,64}$/.test(text)) throw new Malformed(`opaque field ${field.type} is no text`, field.offset);
  return text;
}

/** `00 5e 00 96 01 00 00 00` is 96.00.5E.00.01: four bytes from the most significant, then the fifth. */
function packedVersion(field: OpaqueField): string {
  const [a = 0, b = 0, c = 0, d = 0, oem = 0] = exactly(field, 8);
  return [d, c, b, a, oem].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join('.');
}

function modeOf(flag: OpaqueField | undefined, pcie: OpaqueField | undefined): GpuMode {
  const isProtected = pcie?.data[0] === PCIE_PROTECTED;
  if (flag === undefined) return isProtected ? 'PPCIE' : 'unstated';
  const value = flag.data.reduceRight((sum, byte) => sum * 256 + byte, 0);
  const mode = MODES[value];
  if (mode === undefined || flag.data.length === 0) throw new Malformed('unknown feature flag', flag.offset);
  if (pcie !== undefined && isProtected !== (mode === 'PPCIE')) {
    throw new Malformed('feature flag and protected-PCIe status contradict each other', flag.offset);
  }
  return mode;
}

/** A GPU and a switch write each other's identifiers in reverse order; a link that is off is all zeros. */
function identifiers(field: OpaqueField | undefined, limit: number): string[] {
  const found = new Set<string>();
  const data = field?.data ?? new Uint8Array();
  for (let at = 0; at + PDI_BYTES <= data.length && at < limit * PDI_BYTES; at += PDI_BYTES) {
    const identifier = toHex(data.slice(at, at + PDI_BYTES).reverse());
    if (!/^0*$/.test(identifier)) found.add(identifier);
  }
  return [...found].sort();
}

function exactly(field: OpaqueField, length: number): Uint8Array {
  if (field.data.length !== length)
    throw new Malformed(`opaque field ${field.type} is not ${length} bytes`, field.offset);
  return field.data;
}
