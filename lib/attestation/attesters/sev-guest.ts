import { concatBytes } from '../../core/bytes.ts';
import { ReportData } from '../report-data.ts';
import { plainBuffer, type DeviceIoctl, type NativeBuffer } from './device-ioctl.ts';
import { mustCarry, type EvidenceCollector } from './hardware-attester.ts';
import { refusedBySystem, systemCode, unavailable } from './unavailable.ts';
import { whileBusy, type Pause } from './while-busy.ts';

export const SEV_GUEST = '/dev/sev-guest';
export const SEV_GUEST_ABSENT =
  'run inside an AMD SEV-SNP guest with the kernel module sev-guest, and give the container the device';
/** Linux, include/uapi/linux/sev-guest.h. */
export const SNP_GET_DERIVED_KEY = 0xc0205301;
const SNP_GET_EXT_REPORT = 0xc0205302;
const MESSAGE_VERSION = 1;
const WRAPPER = { bytes: 32, request: 8, response: 16, firmwareError: 24, hostError: 28 } as const;
const EXTENDED = { bytes: 112, vmpl: 64, table: 96, tableLength: 104 } as const;
/** What the kernel copies at most, and in whole pages. */
const TABLE_BYTES = 0x4000;
const RESPONSE_BYTES = 4000;
/** MSG_REPORT_RSP and MSG_KEY_RSP: status, size, reserved; then the content. */
const RESPONSE = { status: 0, size: 4, content: 32 } as const;
const REPORT_BYTES = 0x4a0;

export interface SnpGuestOptions {
  readonly ioctl: DeviceIoctl;
  /** 0 to 3, and not below the level that this kernel runs at. */
  readonly vmpl?: number;
  readonly pause?: Pause;
}

/**
 * AMD SEV-SNP on kernels before configfs-tsm. Evidence: the report, then the host's certificate table (16 KiB, padded
 * with zeros) unless the host has none.
 */
export const sevGuest = ({ ioctl, vmpl = 0, pause }: SnpGuestOptions): EvidenceCollector => ({
  platform: 'sev-snp',
  async collect(reportData) {
    const asked = ReportData.bytesOf(reportData);
    const bytes = new Uint8Array(EXTENDED.bytes);
    bytes.set(asked);
    const view = new DataView(bytes.buffer);
    view.setUint32(EXTENDED.vmpl, vmpl, true);
    view.setUint32(EXTENDED.tableLength, TABLE_BYTES, true);
    const table = new Uint8Array(TABLE_BYTES);
    const message = { bytes, pointers: [{ offset: EXTENDED.table, to: plainBuffer(table) }] };
    const response = await snpRequest({
      ioctl,
      request: SNP_GET_EXT_REPORT,
      message,
      pause,
      responseBytes: RESPONSE_BYTES,
    });
    const size = new DataView(response.buffer).getUint32(RESPONSE.size, true);
    if (size !== REPORT_BYTES) throw unavailable(SEV_GUEST, `a report of ${size} bytes`, 'look at the firmware');
    const report = response.slice(RESPONSE.content, RESPONSE.content + REPORT_BYTES);
    mustCarry(report, asked, SEV_GUEST);
    return concatBytes(report, table.every((byte) => byte === 0) ? new Uint8Array() : table);
  },
});

export interface SnpRequest {
  readonly ioctl: DeviceIoctl;
  readonly request: number;
  readonly message: NativeBuffer;
  /** What the kernel's structure for the answer holds. */
  readonly responseBytes: number;
  readonly pause?: Pause | undefined;
}

/** One message to the secure processor: its answer, whose status is zero. Rejects with E-ATTEST-UNAVAILABLE. */
export async function snpRequest({ ioctl, request, message, responseBytes, pause }: SnpRequest): Promise<Uint8Array> {
  const response = new Uint8Array(responseBytes);
  const bytes = new Uint8Array(WRAPPER.bytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, MESSAGE_VERSION);
  const pointers = [
    { offset: WRAPPER.request, to: message },
    { offset: WRAPPER.response, to: plainBuffer(response) },
  ];
  try {
    await whileBusy(() => ioctl.call({ device: SEV_GUEST, request, argument: { bytes, pointers } }), pause);
  } catch (fault) {
    if (systemCode(fault) !== 'EIO') throw refusedBySystem(fault, SEV_GUEST, SEV_GUEST_ABSENT);
    const [firmware, host] = [view.getUint32(WRAPPER.firmwareError, true), view.getUint32(WRAPPER.hostError, true)];
    const next =
      host === 1 ? "the host's certificate table exceeds 16 KiB" : 'see the SEV-SNP firmware ABI, status codes';
    throw unavailable(SEV_GUEST, `EIO, firmware error ${hex(firmware)}, host error ${hex(host)}`, next);
  }
  const status = new DataView(response.buffer).getUint32(RESPONSE.status, true);
  if (status !== 0) throw unavailable(SEV_GUEST, `status ${hex(status)}`, 'check the VMPL and the fields asked for');
  return response;
}

const hex = (value: number): string => `0x${value.toString(16)}`;
