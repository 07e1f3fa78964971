import { bytesEqual } from '../../core/bytes.ts';
import { ofKind, type Collateral } from '../collateral/collateral.ts';
import { parseCertificate, type Certificate } from '../x509/certificate.ts';
import { rawSignatureHolds, signatureHolds } from '../x509/signature-algorithm.ts';
import { tableCollateral } from './certificate-table.ts';
import type { SnpEvidence } from './evidence.ts';
import { hardwareIdOf, keyKindOf } from './kds-certificate.ts';
import type { SnpReport } from './report.ts';

/** The certificates that speak for one report, unverified; null: not given. */
export interface SnpEndorsements {
  readonly leaf: Certificate | null;
  /** ASK or ASVK. */
  readonly intermediate: Certificate | null;
  /** ARK. */
  readonly root: Certificate | null;
}

/**
 * Picks the certificates for a report out of those that came with it and those the verifier has. What fits best is
 * preferred, and the choice decides nothing: every rule is checked afterwards.
 */
export function selectEndorsements(
  evidence: SnpEvidence,
  collateral: Collateral,
  roots: readonly string[],
): SnpEndorsements {
  const given = [
    ...ofKind(collateral, 'certificate'),
    ...ofKind(tableCollateral(evidence.certificates), 'certificate'),
  ];
  const certificates = given.flatMap(({ der }) => {
    const read = parseCertificate(der);
    return read.ok ? [read.value] : [];
  });
  const leaf = selectLeaf(certificates, evidence.report);
  const intermediate = leaf === null ? null : selectIssuer(certificates, leaf, () => false);
  const root =
    intermediate === null
      ? null
      : selectIssuer(certificates, intermediate, ({ fingerprint }) => roots.includes(fingerprint));
  return { leaf, intermediate, root };
}

/** The signer; else the certificate of this chip; else one of the right kind. */
function selectLeaf(certificates: readonly Certificate[], report: SnpReport): Certificate | null {
  const leaves = certificates.filter((certificate) => keyKindOf(certificate) !== null);
  const ofThisKind = leaves.filter((certificate) => keyKindOf(certificate) === report.signingKey);
  if (leaves.length === 1) return ofThisKind[0] ?? leaves.find((leaf) => reportSignatureHolds(report, leaf)) ?? null;
  const ofThisChip = ofThisKind.filter((certificate) => {
    const hardwareId = hardwareIdOf(certificate);
    return hardwareId !== null && bytesEqual(hardwareId, report.chipId.subarray(0, hardwareId.length));
  });
  return (
    leaves.find((certificate) => reportSignatureHolds(report, certificate)) ?? ofThisChip[0] ?? ofThisKind[0] ?? null
  );
}

function selectIssuer(
  certificates: readonly Certificate[],
  issued: Certificate,
  preferred: (certificate: Certificate) => boolean,
): Certificate | null {
  const named = certificates.filter(
    ({ subject, basicConstraints }) => bytesEqual(subject, issued.issuer) && basicConstraints?.ca === true,
  );
  const signer = ({ publicKey }: Certificate): boolean =>
    signatureHolds(issued.algorithm, issued.signed, issued.signature, publicKey);
  if (named.length === 1) return named[0] ?? null;
  return named.find(preferred) ?? named.find(signer) ?? named[0] ?? null;
}

export const reportSignatureHolds = (report: SnpReport, leaf: Certificate): boolean =>
  rawSignatureHolds('sha384', report.signed, report.signature, leaf.publicKey);
