import { describe, expect, test } from 'vitest';
import { earCbor } from '../../../lib/attestation/ear.ts';
import type { EvidenceFormat } from '../../../lib/attestation/evidence-claims.ts';
import { readEvidenceFile } from '../../../lib/attestation/read-evidence.ts';
import { verifyEvidence, type EvidenceVerdict } from '../../../lib/attestation/verify-evidence.ts';
import { evidenceVectorsAbsent, vectorBytes, vectorFiles } from './evidence-vectors.ts';

const AT = Date.parse('2026-03-01T00:00:00Z');

/** Formats that evidence below a folder may be recognised as, and how many files must be, at least. */
const FOLDERS: Readonly<Record<string, { readonly formats: readonly EvidenceFormat[]; readonly least: number }>> = {
  nitro: { formats: ['nitro', 'dstack'], least: 8 },
  'sev-snp': { formats: ['sev-snp', 'dstack'], least: 18 },
  tdx: { formats: ['tdx', 'dstack'], least: 30 },
  sgx: { formats: ['sgx'], least: 8 },
  nvidia: { formats: ['nvidia-gpu'], least: 20 },
  azure: { formats: ['azure', 'tdx', 'sev-snp'], least: 17 },
  extracted: { formats: ['nitro', 'sev-snp', 'tdx'], least: 11 },
  gcp: { formats: [], least: 0 },
  'ra-tls': { formats: [], least: 0 },
  roots: { formats: [], least: 0 },
};

function verdictOn(path: string): EvidenceVerdict {
  const file = readEvidenceFile(vectorBytes(path));
  if (!file.ok) throw new Error(file.error.detail);
  return verifyEvidence({ format: 'auto', ...file.value, at: AT, policy: null });
}

describe.skipIf(evidenceVectorsAbsent)('every file of the vector folder', () => {
  test.each(Object.entries(FOLDERS))('%s', (folder, { formats, least }) => {
    const verdicts = vectorFiles(folder).map((path) => ({ path, ...verdictOn(path) }));
    const recognised = verdicts.filter(({ format }) => format !== null);
    expect(recognised.filter(({ format }) => format !== null && !formats.includes(format))).toEqual([]);
    expect(recognised.length).toBeGreaterThanOrEqual(least);
    for (const verdict of verdicts) {
      // Documents of Nitro live three hours; every other platform needs collateral that is not in the file.
      expect(['not-authentic', 'inconclusive'], verdict.path).toContain(verdict.outcome);
      expect(verdict.checks.some(({ passed }) => !passed)).toBe(true);
      expect(earCbor(verdict, 'test').length).toBeGreaterThan(64);
    }
  });
});
