import { bytesEqual, toHex, utf8 } from '../../core/bytes.ts';
import { deviceNonce } from '../composite/device-binding.ts';
import { MAX_PLATFORM_EVIDENCE_BYTES } from '../evidence.ts';
import { runCommand } from './run-command.ts';
import { unavailable } from './unavailable.ts';

/** Stands for the nonce, 64 hexadecimal digits, in a command. */
export const NONCE_ARGUMENT = '{nonce}';
/** NVIDIA's own tool (attestation SDK, command reference). */
const NVATTEST = ['nvattest', 'collect-evidence', '--device', 'gpu', '--nonce', NONCE_ARGUMENT, '--format', 'json'];
const LIMITS = { timeoutMs: 60_000, maxBytes: 4 * 1024 * 1024 };
/** SPDM request: version, code, two parameters; then the nonce (DSP0274 §10.11). */
const NONCE = { start: 4, end: 36 };

export interface NvidiaCommandOptions {
  /** Program and arguments, never a shell's line; prints JSON with a list of every device, always in the same order. */
  readonly command?: readonly string[];
  /** For each run; there is one for each device. */
  readonly timeoutMs?: number;
}

interface Device {
  readonly arch: unknown;
  readonly evidence: string;
  readonly certificate: unknown;
}

/**
 * The GPUs of this machine, through a command: one piece for each, a JSON list of one `{arch, nonce, evidence,
 * certificate}`, made for `deviceNonce` of the session's nonce (PROTOCOL §4.12). Such commands ask all devices the same,
 * so it runs once for each device, and one of its answers is kept.
 */
export function nvidiaCommand({ command = NVATTEST, timeoutMs = LIMITS.timeoutMs }: NvidiaCommandOptions = {}): {
  /** Rejects with RefusalError E-ATTEST-UNAVAILABLE. What a GPU signs is a hash of the nonce, never the nonce. */
  attest(sessionNonce: Uint8Array): Promise<readonly Uint8Array[]>;
} {
  const tried = command[0] ?? '';
  return {
    async attest(sessionNonce) {
      const pieces: Uint8Array[] = [];
      const certificates = new Set<unknown>();
      for (let index = 0, count = 1; index < count; index++) {
        const nonce = deviceNonce(sessionNonce, index);
        const devices = await ask(nonce);
        if (index > 0 && devices.length !== count)
          throw unavailable(tried, `${count} devices, then ${devices.length}`, 'let nothing add or remove GPUs');
        count = devices.length;
        const device = devices[index];
        if (device === undefined)
          throw unavailable(tried, 'no device', 'switch confidential computing on for the GPUs');
        certificates.add(device.certificate);
        pieces.push(utf8(JSON.stringify([{ ...device, nonce: toHex(nonce) }])));
      }
      if (certificates.size !== pieces.length)
        throw unavailable(tried, 'one device twice', 'let it list devices in one order');
      if (pieces.some(({ length }) => length > MAX_PLATFORM_EVIDENCE_BYTES))
        throw unavailable(tried, 'evidence of a device beyond 64 KiB', 'run the command by hand and look');
      return pieces;
    },
  };

  async function ask(nonce: Uint8Array): Promise<readonly Device[]> {
    const line = command.map((argument) => (argument === NONCE_ARGUMENT ? toHex(nonce) : argument));
    const printed = await runCommand(line, { ...LIMITS, timeoutMs }).catch((fault: unknown) => {
      throw unavailable(tried, whatHappened(fault), 'install nvattest, or run the command by hand and look');
    });
    const devices = devicesOf(printed);
    if (devices === null) throw unavailable(tried, 'no list of devices in JSON', 'run the command by hand and look');
    for (const { evidence } of devices) {
      if (!bytesEqual(Buffer.from(evidence, 'base64').subarray(NONCE.start, NONCE.end), nonce))
        throw unavailable(tried, 'evidence for another nonce', `let it pass ${NONCE_ARGUMENT} on`);
    }
    return devices;
  }
}

function whatHappened(fault: unknown): string {
  const code = fault instanceof Error && 'code' in fault ? fault.code : null;
  if (typeof code !== 'string' && typeof code !== 'number') throw fault;
  return typeof code === 'number' ? `exit status ${code}` : code;
}

/** A bare list, or nvattest's object with `evidences` and a `result_code` of zero; null: neither. */
function devicesOf(printed: string): readonly Device[] | null {
  let value: unknown;
  try {
    value = JSON.parse(printed);
  } catch {
    return null;
  }
  const evidences = isObject(value) && value['result_code'] === 0 ? value['evidences'] : value;
  if (!Array.isArray(evidences)) return null;
  const devices = (evidences as unknown[]).map(deviceOf);
  return devices.every((device) => device !== null) ? devices : null;
}

function deviceOf(value: unknown): Device | null {
  if (!isObject(value)) return null;
  const { arch, evidence, certificate } = value;
  return typeof evidence === 'string' ? { arch, evidence, certificate } : null;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
