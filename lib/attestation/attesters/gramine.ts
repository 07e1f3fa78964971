import { ReportData } from '../report-data.ts';
import { mustCarry, type EvidenceCollector } from './hardware-attester.ts';
import type { PseudoFiles } from './pseudo-files.ts';
import { refusedBySystem, unavailable } from './unavailable.ts';

export const GRAMINE_FOLDER = '/dev/attestation';
export const GRAMINE_ABSENT = 'run the program under gramine-sgx';
export const GRAMINE_DCAP = 'set sgx.remote_attestation = "dcap" in the manifest, and start with gramine-sgx';
const MAX_QUOTE_BYTES = 16 * 1024;
const MAX_TEXT_BYTES = 64;

/** Intel SGX under Gramine (its documentation, "Attestation and Secret Provisioning"). Evidence: the quote. */
export const gramine = (files: PseudoFiles, folder = GRAMINE_FOLDER): EvidenceCollector => ({
  platform: 'sgx',
  async collect(reportData) {
    const asked = ReportData.bytesOf(reportData);
    try {
      await gramineAttests(files, folder);
      await files.write(`${folder}/user_report_data`, asked);
      const quote = await files.read(`${folder}/quote`, MAX_QUOTE_BYTES);
      mustCarry(quote, asked, `${folder}/quote`);
      return quote;
    } catch (fault) {
      throw refusedBySystem(fault, folder, GRAMINE_ABSENT);
    }
  },
});

/** Refuses what is no real enclave: outside of one, Gramine says "none" and its keys are constants. */
export async function gramineAttests(files: PseudoFiles, folder: string): Promise<void> {
  const type = new TextDecoder().decode(await files.read(`${folder}/attestation_type`, MAX_TEXT_BYTES)).trim();
  if (type !== 'dcap') throw unavailable(`${folder}/attestation_type`, `"${type}", not "dcap"`, GRAMINE_DCAP);
}
