import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Collateral } from '../../../lib/attestation/collateral/collateral.ts';
import { EVIDENCE_FORMATS, type EvidenceFormat } from '../../../lib/attestation/evidence-claims.ts';
import type { Policy } from '../../../lib/attestation/policy/policy.ts';
import { readEvidenceFile } from '../../../lib/attestation/read-evidence.ts';
import { verifyEvidence, type EvidenceInputs, type EvidenceVerdict } from '../../../lib/attestation/verify-evidence.ts';
import { readNamedFile } from '../../../lib/config/named-file.ts';
import { fromHex } from '../../../lib/core/bytes.ts';
import { RefusalError } from '../../../lib/core/errors.ts';
import type { Instant } from '../../../lib/core/ids.ts';
import { collateralAt } from '../../setup/collateral-files.ts';
import { dateValue } from '../option-values.ts';

/** Report data is at most 512 bytes on any platform, a nonce too. */
const MAX_EXPECTED_BYTES = 512;

export interface EvidenceFlags {
  readonly platform: EvidenceFormat | 'auto';
  readonly collateral?: readonly string[];
  readonly certs?: readonly string[];
  readonly at?: Instant;
}

export interface ExpectedFlags {
  readonly reportData?: Uint8Array;
  readonly nonce?: Uint8Array;
}

export const platformOption = (): Option =>
  new Option('--platform <name>', 'what kind of evidence it is').choices(['auto', ...EVIDENCE_FORMATS]).default('auto');

/** What every verdict on evidence takes. */
export const addEvidenceOptions = (command: Command): Command =>
  command
    .addOption(platformOption())
    .option('--collateral <path...>', 'signed answers and revocation lists of the vendor: files, bundles or folders')
    .option('--certs <path...>', 'certificates that do not come with the evidence: PEM, DER')
    .option('--at <time>', 'moment of the verdict (default: now), as 2027-03-31T12:00:00Z', dateValue);

/** One file's verdict. Throws RefusalError where a file cannot be read. */
export async function verdictOn(
  path: string,
  { platform, at, ...files }: EvidenceFlags,
  rest: Pick<EvidenceInputs, 'expected'> & { readonly policy: Policy | null },
): Promise<EvidenceVerdict> {
  const evidence = await readEvidence(path);
  return verifyEvidence({
    format: platform,
    bytes: evidence.bytes,
    collateral: [...(await collateralOf(files)), ...evidence.collateral],
    at: at ?? Date.now(),
    ...rest,
  });
}

export async function readEvidence(path: string): Promise<{ bytes: Uint8Array; collateral: Collateral }> {
  const file = readEvidenceFile(await readNamedFile(path, 'E-USAGE'));
  if (!file.ok) throw new RefusalError(file.error);
  return file.value;
}

/** Everything in the files and folders that were named. Throws RefusalError for one that cannot be read. */
export async function collateralOf({
  collateral = [],
  certs = [],
}: Omit<EvidenceFlags, 'platform'>): Promise<Collateral> {
  return (await Promise.all([...collateral, ...certs].map(collateralAt))).flat();
}

/** Hexadecimal of either case. */
export function hexValue(text: string): Uint8Array {
  const bytes = fromHex(text.toLowerCase().replace(/^0x/, ''));
  if (bytes === null || bytes.length === 0 || bytes.length > MAX_EXPECTED_BYTES) {
    throw new InvalidArgumentError(`must be 1 to ${MAX_EXPECTED_BYTES} bytes in hexadecimal`);
  }
  return bytes;
}
