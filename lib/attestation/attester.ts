import type { ReportData } from './report-data.ts';

/** The Attester of RFC 9334 §3: makes evidence about the program it runs in. */
export interface Attester {
  /**
   * An encoded Evidence envelope made for `reportData`. Rejects with RefusalError E-ATTEST-UNAVAILABLE when the
   * platform does not answer.
   */
  attest(reportData: ReportData): Promise<Uint8Array>;
}
