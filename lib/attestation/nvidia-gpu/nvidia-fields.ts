import { toHex } from '../../core/bytes.ts';
import type { ParsedField } from '../parsed-field.ts';
import { OPAQUE, textOf } from './device-identity.ts';
import type { DeviceEvidence, GpuEvidence } from './gpu-evidence.ts';
import type { OpaqueField } from './spdm-report.ts';

const SHOWN_HEX = 96;

const OPAQUE_MEANINGS: Readonly<Record<number, readonly [name: string, meaning: string]>> = {
  [OPAQUE.driverVersion]: ['DRIVER_VERSION', 'version of the driver, names its RIM'],
  [OPAQUE.gpuInfo]: ['GPU_INFO', 'state of the GPU or, on some switches, GPUs it is linked to'],
  [OPAQUE.vbiosVersion]: ['VBIOS_VERSION', 'version of the firmware, names its RIM'],
  [OPAQUE.nvdec0]: ['NVDEC0_STATUS', '0xaa enabled, 0x55 disabled: then measurement 35 is not compared'],
  [OPAQUE.measurementCounts]: ['MSRSCNT', 'how often each measurement was extended, 4 bytes each'],
  [OPAQUE.protectedRegion]: ['CPRINFO', 'compute protected region'],
  [OPAQUE.board]: ['BOARD_ID', 'board'],
  [OPAQUE.chipSku]: ['CHIP_SKU', 'chip SKU, part of the name of the firmware RIM'],
  [OPAQUE.chipSkuMod]: ['CHIP_SKU_MOD', 'modification of the chip SKU'],
  [OPAQUE.project]: ['PROJECT', 'board project, part of the name of the firmware RIM'],
  [OPAQUE.projectSku]: ['PROJECT_SKU', 'board SKU, part of the name of the firmware RIM'],
  [OPAQUE.projectSkuMod]: ['PROJECT_SKU_MOD', 'modification of the board SKU'],
  [OPAQUE.fwid]: ['FWID', 'firmware id, must equal the one in the certificate'],
  [OPAQUE.protectedPcie]: ['PROTECTED_PCIE_STATUS', '0xaa: NVLink inside the node is within the boundary (PPCIE)'],
  [OPAQUE.pdi]: ['PDI', 'identifiers of the linked switches; on a switch its own'],
  [OPAQUE.disabledPorts]: ['DISABLED_PORTS', 'ports that are off'],
  [OPAQUE.position]: ['POSITION_ID', 'place of the switch in the node'],
  [OPAQUE.switchLock]: ['LOCK_STATUS', 'whether the switch accepts no more changes'],
  [OPAQUE.linkedGpus]: ['SWITCH_GPU_PDIS', 'identifiers of the linked GPUs, then the port of each'],
  [OPAQUE.enabledSystems]: ['SYS_ENABLE_STATUS', 'units that are enabled'],
  [OPAQUE.opaqueVersion]: ['OPAQUE_DATA_VERSION', 'version of these fields'],
  [OPAQUE.chipInfo]: ['CHIP_INFO', 'name of the chip, part of the name of the driver RIM'],
  [OPAQUE.featureFlag]: ['FEATURE_FLAG', '0 SPT: one GPU; 1 MPT: several; 2 PPCIE: several with switches'],
};

const TEXTS: readonly number[] = [
  OPAQUE.driverVersion,
  OPAQUE.chipSku,
  OPAQUE.chipSkuMod,
  OPAQUE.project,
  OPAQUE.projectSku,
  OPAQUE.chipInfo,
];

/** Offsets are in the report of the device, after hexadecimal, Base64 or JSON around it. */
export function nvidiaFields({ devices }: GpuEvidence): ParsedField[] {
  return devices.flatMap((device, index) => {
    const prefix = devices.length === 1 ? '' : `device${index}.`;
    return deviceFields(device).map((field) => ({ ...field, name: `${prefix}${field.name}` }));
  });
}

function deviceFields({ report, identity, chain, stated }: DeviceEvidence): ParsedField[] {
  const { offsets } = report;
  const blocksOffset = offsets.responseNonce - report.blocks.reduce((sum, { value }) => sum + value.length + 7, 0);
  return [
    at('request.version', 0, '0x11', 'SPDM 1.1'),
    at('request.code', 1, '0xe0', 'GET_MEASUREMENTS'),
    at('request.param1', 2, '0x01', 'a signature is asked for'),
    at('request.param2', 3, '0xff', 'all measurements are asked for'),
    at('request.nonce', 4, toHex(report.requestNonce), "the verifier's nonce"),
    at('request.slot', 36, String(report.slot), 'slot of the certificate chain'),
    at('response.version', 37, '0x11', 'SPDM 1.1'),
    at('response.code', 38, '0x60', 'MEASUREMENTS'),
    at('response.blocks', 41, String(report.blocks.length), 'number of measurements'),
    at('response.recordLength', 42, String(offsets.responseNonce - blocksOffset), 'bytes of all measurement blocks'),
    ...report.blocks.map(({ index, value, offset, type }) =>
      at(`measurement.${index - 1}`, offset, toHex(value), `block ${index}, type ${type}; index ${index - 1} in a RIM`),
    ),
    at(
      'response.nonce',
      offsets.responseNonce,
      toHex(report.responseNonce),
      "the device's own nonce: no proof of freshness",
    ),
    at('response.opaqueLength', offsets.opaque - 2, String(offsets.signature - offsets.opaque), 'bytes of opaque data'),
    ...report.opaque.map(opaqueField),
    at('signature', offsets.signature, toHex(report.signature), 'ECDSA P-384 with SHA-384 over everything before it'),
    ...(report.padded
      ? [at('padding', report.bytes.length, '00', 'one zero byte that belongs to nothing; ignored')]
      : []),
    at('firmware', null, identity.vbiosVersion, 'firmware version as RIMs write it'),
    at('mode', null, identity.mode, 'SPT, MPT, PPCIE, unstated (older firmware) or switch'),
    ...chain.map(({ subjectCommonName, fingerprint }, index) =>
      at(`certificate.${index}`, null, subjectCommonName, `SHA-256 ${fingerprint}`),
    ),
    ...(stated.nonce === null
      ? []
      : [at('wrapper.nonce', null, toHex(stated.nonce), 'unsigned; compared with the request')]),
    ...(stated.arch === null ? [] : [at('wrapper.arch', null, stated.arch, 'unsigned; compared with the certificate')]),
  ];
}

function opaqueField(field: OpaqueField): ParsedField {
  const [name, meaning] = OPAQUE_MEANINGS[field.type] ?? [`type ${field.type}`, 'not known here'];
  const value = TEXTS.includes(field.type) ? (textOf(field) ?? '') : toHex(field.data);
  return at(`opaque.${name}`, field.offset, value, meaning);
}

const at = (name: string, offset: number | null, value: string, meaning: string): ParsedField => ({
  name,
  offset,
  value: value.length > SHOWN_HEX * 2 ? `${value.slice(0, SHOWN_HEX * 2)}…` : value,
  meaning,
});
