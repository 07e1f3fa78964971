import { bytesEqual, toHex, utf8 } from '../../core/bytes.ts';
import { gpuNonce } from '../gpu-nonce.ts';
import { ReportData } from '../report-data.ts';
import type { EvidenceCollector } from './hardware-attester.ts';
import { runCommand } from './run-command.ts';
import { unavailable } from './unavailable.ts';

/** Stands for the nonce, 64 hexadecimal digits, in a command. */
export const NONCE_ARGUMENT = '{nonce}';
/** NVIDIA's own tool (attestation SDK, command reference). */
export const NVATTEST = [
  'nvattest',
  'collect-evidence',
  '--device',
  'gpu',
  '--nonce',
  NONCE_ARGUMENT,
  '--format',
  'json',
];
const LIMITS = { timeoutMs: 60_000, maxBytes: 4 * 1024 * 1024 };
/** SPDM request: version, code, two parameters; then the nonce (DSP0274 §10.11). */
const NONCE = { start: 4, end: 36 };

export interface NvidiaCommandOptions {
  /** Program and arguments, never a shell's line; prints JSON with a list of devices. */
  readonly command?: readonly string[];
  readonly timeoutMs?: number;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Every GPU of this machine, through a command. Evidence: a JSON list of `{arch, nonce, evidence, certificate}`, one for
 * each device, as NVIDIA's tools write it; it carries `gpuNonce` of the report data.
 */
export function nvidiaCommand({
  command = NVATTEST,
  timeoutMs = LIMITS.timeoutMs,
}: NvidiaCommandOptions = {}): EvidenceCollector {
  const tried = command[0] ?? '';
  return {
    platform: 'nvidia-gpu',
    async collect(reportData) {
      const nonce = gpuNonce(ReportData.bytesOf(reportData));
      const line = command.map((argument) => (argument === NONCE_ARGUMENT ? toHex(nonce) : argument));
      const printed = await runCommand(line, { ...LIMITS, timeoutMs }).catch((fault: unknown) => {
        throw unavailable(tried, whatHappened(fault), 'install nvattest, or run the command by hand and look');
      });
      const devices = devicesOf(printed);
      if (devices === null) throw unavailable(tried, 'no list of devices in JSON', 'run the command by hand and look');
      if (devices.length === 0) throw unavailable(tried, 'no device', 'switch confidential computing on for the GPUs');
      for (const { evidence } of devices) {
        const report = typeof evidence === 'string' ? Buffer.from(evidence, 'base64') : Buffer.of();
        if (!bytesEqual(report.subarray(NONCE.start, NONCE.end), nonce))
          throw unavailable(tried, 'evidence for another nonce', `let it pass ${NONCE_ARGUMENT} on`);
      }
      return utf8(
        JSON.stringify(
          devices.map(({ arch, evidence, certificate }) => ({ arch, nonce: toHex(nonce), evidence, certificate })),
        ),
      );
    },
  };
}

function whatHappened(fault: unknown): string {
  const code = fault instanceof Error && 'code' in fault ? fault.code : null;
  if (typeof code !== 'string' && typeof code !== 'number') throw fault;
  return typeof code === 'number' ? `exit status ${code}` : code;
}

/** A bare list, or nvattest's object with `evidences` and a `result_code` of zero; null: neither. */
function devicesOf(printed: string): readonly Json[] | null {
  let value: unknown;
  try {
    value = JSON.parse(printed);
  } catch {
    return null;
  }
  const list = Array.isArray(value) ? (value as unknown[]) : evidencesOf(value);
  return list?.every(isObject) === true ? list : null;
}

const evidencesOf = (value: unknown): unknown[] | null =>
  isObject(value) && value['result_code'] === 0 && Array.isArray(value['evidences']) ? value['evidences'] : null;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
