import { ReportData } from '../../../../lib/attestation/report-data.ts';
import type { Digest, PublicKey } from '../../../../lib/core/ids.ts';
import { RefusalError } from '../../../../lib/core/errors.ts';

/** Report data as programs make it; `seed` tells two of them apart. */
export function someReportData(seed = 7): ReportData {
  const bytes = new Uint8Array(32).fill(seed);
  return ReportData.ofPublication({
    bootKey: bytes as PublicKey,
    contractDigest: bytes as Digest,
    genesisDigest: bytes as Digest,
    headDigest: bytes as Digest,
  });
}

/** The detail of the one refusal that `promise` rejects with. */
export async function refusalOf(promise: Promise<unknown>): Promise<{ code: string; detail: string }> {
  const fault: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(fault instanceof RefusalError)) throw new Error('not refused', { cause: fault });
  return fault.refusals[0];
}
