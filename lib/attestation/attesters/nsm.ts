import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { encodeCbor } from '../../core/cbor.ts';
import { readCbor, type StrictCbor } from '../formats/strict-cbor.ts';
import { total } from '../formats/malformed.ts';
import { ReportData } from '../report-data.ts';
import { plainBuffer, type DeviceIoctl } from './device-ioctl.ts';
import { mustCarry, type EvidenceCollector } from './hardware-attester.ts';
import { refusedBySystem, unavailable } from './unavailable.ts';

export const NSM_DEVICE = '/dev/nsm';
export const NSM_ABSENT = 'run the program inside an AWS Nitro enclave (nitro-cli run-enclave)';
/** _IOWR(0x0A, 0, struct nsm_raw) of Linux, include/uapi/linux/nsm.h. */
const NSM_IOCTL_RAW = 0xc0200a00;
const MAX_REQUEST_BYTES = 0x1000;
const MAX_RESPONSE_BYTES = 0x3000;
const ADDRESS = { request: 0, response: 16 } as const;
const LENGTH = { request: 8, response: 24 } as const;
const LIMITS = { maxDepth: 2, maxItems: 8, indefiniteMap: true } as const;
const KEY_BITS = 2048;

/** One question to the Nitro Security Module, CBOR both ways. Rejects with RefusalError E-ATTEST-UNAVAILABLE. */
export interface NsmTransport {
  request(question: Uint8Array): Promise<Uint8Array>;
}

/** `/dev/nsm`: two iovec (address, length), the second filled and its length set by the kernel. */
export const nsmDevice = (ioctl: DeviceIoctl): NsmTransport => ({
  async request(question) {
    if (question.length > MAX_REQUEST_BYTES) throw new RangeError('an NSM request has at most 4096 bytes');
    const answer = new Uint8Array(MAX_RESPONSE_BYTES);
    const bytes = new Uint8Array(32);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(LENGTH.request, BigInt(question.length), true);
    view.setBigUint64(LENGTH.response, BigInt(answer.length), true);
    const pointers = [
      { offset: ADDRESS.request, to: plainBuffer(question.slice()) },
      { offset: ADDRESS.response, to: plainBuffer(answer) },
    ];
    try {
      await ioctl.call({ device: NSM_DEVICE, request: NSM_IOCTL_RAW, argument: { bytes, pointers } });
    } catch (fault) {
      throw refusedBySystem(fault, NSM_DEVICE, NSM_ABSENT);
    }
    const length = view.getBigUint64(LENGTH.response, true);
    if (length > BigInt(answer.length)) throw unavailable(NSM_DEVICE, 'an impossible length', 'update the kernel');
    return answer.subarray(0, Number(length));
  },
});

/** AWS Nitro Enclaves (aws-nitro-enclaves-nsm-api). Evidence: the document, with the report data as `user_data`. */
export const nitroEnclave = (transport: NsmTransport): EvidenceCollector => ({
  platform: 'nitro',
  collect: async (reportData) => attestation(transport, { user_data: ReportData.bytesOf(reportData) }),
});

/** What a service needs to answer this enclave alone, and the key that opens the answer. */
export interface NitroRecipient {
  readonly document: Uint8Array;
  readonly privateKey: KeyObject;
}

/**
 * A document over a fresh RSA key made here, for KMS. It has no `user_data`, so no peer takes it for report data, and
 * no caller chooses what it carries (PROTOCOL §4.5).
 */
export async function nitroRecipient(transport: NsmTransport): Promise<NitroRecipient> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: KEY_BITS });
  const der = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  return { document: await attestation(transport, { public_key: der }), privateKey };
}

async function attestation(
  transport: NsmTransport,
  carried: { readonly user_data: Uint8Array } | { readonly public_key: Uint8Array },
): Promise<Uint8Array> {
  const question = { user_data: null, nonce: null, public_key: null, ...carried };
  const answer = await transport.request(encodeCbor({ Attestation: question }));
  const read = total('NSM response', () => readCbor(answer, LIMITS));
  if (!read.ok) throw unavailable(NSM_DEVICE, read.error.detail, 'update the kernel');
  const document = member(member(read.value, 'Attestation'), 'document');
  if (!(document instanceof Uint8Array) || document.length === 0) {
    const error = member(read.value, 'Error');
    const said = typeof error === 'string' ? `error ${error.replace(/[^A-Za-z]/g, '').slice(0, 40)}` : 'no document';
    throw unavailable(NSM_DEVICE, said, 'see the errors of aws-nitro-enclaves-nsm-api');
  }
  for (const bytes of Object.values(carried)) mustCarry(document, bytes, NSM_DEVICE);
  return document.slice();
}

/** A member of a map that holds nothing else. */
function member(value: StrictCbor | undefined, name: string): StrictCbor | undefined {
  if (!(value instanceof Map)) return undefined;
  const map = value as ReadonlyMap<string | number, StrictCbor>;
  return map.size === 1 ? map.get(name) : undefined;
}
