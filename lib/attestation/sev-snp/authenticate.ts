import { bytesEqual, toHex } from '../../core/bytes.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { Check } from '../attestation-result.ts';
import { authentication, missingCheck, type Authentication, type AuthenticationInputs } from '../authentication.ts';
import type { VendorRoots } from '../trust/vendor-roots.ts';
import type { Certificate } from '../x509/certificate.ts';
import { checkChain, nameOf } from '../x509/check-chain.ts';
import { compareVersions, snpClaims, versionText, type SnpClaims } from './claims.ts';
import { reportSignatureHolds, selectEndorsements, type SnpEndorsements } from './endorsements.ts';
import type { SnpEvidence } from './evidence.ts';
import { hardwareIdOf, keyKindOf, namedProduct, productNameOf, providerOf, tcbNumberOf } from './kds-certificate.ts';
import {
  CHIP_ID_BYTES,
  PRODUCTS,
  TCB_LAYOUT,
  lineOf,
  processorName,
  productOf,
  rootUseOf,
  titleOf,
  type Product,
  type ProductLine,
} from './product.ts';
import type { SnpReport } from './report.ts';
import { checkRevocation } from './revocation.ts';

/** Signatures, chain, revocation, and that report and certificates speak of one chip and one firmware. */
export function authenticateSnp(evidence: SnpEvidence, inputs: AuthenticationInputs): Authentication<SnpClaims> {
  const { report } = evidence;
  const endorsements = selectEndorsements(evidence, inputs.collateral, allRoots(inputs.roots));
  const line = lineOfReport(report, endorsements, inputs.roots);
  const product = line === null ? null : productOf(line);
  const checks = [
    check('product', 'E-ATTEST-SIGNATURE', product !== null, {
      got: report.cpu === null ? 'a report without CPUID' : processorName(report.cpu),
      want: `one of ${PRODUCTS.map(titleOf).join(', ')}, whose roots are pinned`,
    }),
    check('signing key', 'E-ATTEST-SIGNATURE', report.signingKey === 'VCEK' || report.signingKey === 'VLEK', {
      got: report.signingKey,
      want: 'VCEK or VLEK',
    }),
    ...chainChecks(report, endorsements, product, inputs),
    ...checkRevocation(evidence, endorsements, inputs),
    ...(endorsements.leaf === null ? [] : leafChecks(report, endorsements.leaf, product)),
    versionOrder(report),
  ];
  // Without a product a check has failed, and the claims are dropped.
  const claims = snpClaims(report, line ?? 'genoa', endorsements.leaf === null ? null : providerOf(endorsements.leaf));
  return authentication(claims, checks);
}

const check = (
  name: string,
  code: ErrorCode,
  passed: boolean,
  { got, want }: { readonly got: string; readonly want: string },
): Check => ({ name, code, passed, got, want });

const allRoots = (roots: VendorRoots): string[] => PRODUCTS.flatMap((product) => roots[rootUseOf(product)]);

/** By CPUID; before report version 3 by the pinned root that the chain leads to, else by what the leaf calls itself. */
function lineOfReport(report: SnpReport, { leaf, root }: SnpEndorsements, roots: VendorRoots): ProductLine | null {
  if (report.cpu !== null) return lineOf(report.cpu);
  const anchored = PRODUCTS.find((product) => root !== null && roots[rootUseOf(product)].includes(root.fingerprint));
  return anchored ?? (leaf === null ? 'milan' : namedProduct(leaf));
}

function chainChecks(
  { signingKey }: SnpReport,
  { leaf, intermediate, root }: SnpEndorsements,
  product: Product | null,
  { at, roots }: AuthenticationInputs,
): Check[] {
  const title = product === null ? 'the product' : titleOf(product);
  const authority = signingKey === 'VLEK' ? `SEV-VLEK-${title}` : `SEV-${title}`;
  const label = signingKey === 'VLEK' ? 'VLEK' : 'VCEK';
  if (leaf === null || intermediate === null || root === null) {
    return [
      ...(leaf === null ? [missingCheck(`${label} certificate`, `the ${label} certificate of this report`)] : []),
      ...(intermediate === null ? [missingCheck(`${authority} certificate`, `the certificate of ${authority}`)] : []),
      ...(root === null ? [missingCheck(`ARK-${title} certificate`, `the certificate of ARK-${title}`)] : []),
    ];
  }
  return [
    ...checkChain([leaf, intermediate, root], { roots: product === null ? [] : roots[rootUseOf(product)], at, label }),
    check(`${label} issuer`, 'E-ATTEST-MISMATCH', intermediate.subjectCommonName === authority, {
      got: nameOf(intermediate),
      want: authority,
    }),
  ];
}

function leafChecks(report: SnpReport, leaf: Certificate, product: Product | null): Check[] {
  const named = namedProduct(leaf);
  return [
    check('certificate type', 'E-ATTEST-MISMATCH', keyKindOf(leaf) === report.signingKey, {
      got: keyKindOf(leaf) ?? 'neither',
      want: report.signingKey,
    }),
    check('certificate product', 'E-ATTEST-MISMATCH', named !== null && named === product, {
      got: productNameOf(leaf) ?? 'none',
      want: product === null ? 'a known product' : titleOf(product),
    }),
    check('report signature', 'E-ATTEST-SIGNATURE', reportSignatureHolds(report, leaf), {
      got: 'a signature over bytes 0x000 to 0x29f',
      want: `made with the key of ${nameOf(leaf)}`,
    }),
    certificateTcb(report, leaf, product ?? named ?? 'genoa'),
    chipCheck(report, leaf, product ?? named ?? 'genoa'),
  ];
}

/** Every extension must be there: an absent one is a contradiction, not something to pass over. */
function certificateTcb({ reportedTcb }: SnpReport, leaf: Certificate, product: Product): Check {
  const numbers = TCB_LAYOUT[product].map(({ component, extension }, index) => ({
    name: component ?? `byte ${index}`,
    certified: tcbNumberOf(leaf, extension),
    reported: reportedTcb[index] ?? 0,
  }));
  const text = (of: (number: (typeof numbers)[number]) => number | null): string =>
    numbers.map((number) => `${number.name} ${of(number) ?? 'absent'}`).join(', ');
  return check(
    'certificate TCB',
    'E-ATTEST-MISMATCH',
    numbers.every(({ certified, reported }) => certified === reported),
    {
      got: text(({ certified }) => certified),
      want: text(({ reported }) => reported),
    },
  );
}

/**
 * A VCEK names the chip, and the report must name the same one: a masked chip key never signs with a VCEK. A VLEK
 * names no chip; where the chip key is masked, the report must not name one either.
 */
function chipCheck({ chipId, maskChipKey, signingKey }: SnpReport, leaf: Certificate, product: Product): Check {
  const bytes = CHIP_ID_BYTES[product];
  const own = chipId.subarray(0, bytes);
  const masked = chipId.every((byte) => byte === 0);
  const got = `${masked ? 'no chip id' : `chip ${toHex(own)}`}${maskChipKey ? ', chip key masked' : ''}`;
  if (signingKey === 'VLEK') {
    return check('chip id', 'E-ATTEST-MISMATCH', masked || !maskChipKey, {
      got,
      want: 'no chip id where the chip key is masked',
    });
  }
  const hardwareId = hardwareIdOf(leaf);
  const same = hardwareId !== null && bytesEqual(hardwareId, own) && chipId.subarray(bytes).every((byte) => byte === 0);
  return check('chip id', 'E-ATTEST-MISMATCH', same && !masked && !maskChipKey, {
    got,
    want: hardwareId === null ? 'a certificate that names its chip' : `chip ${toHex(hardwareId)}`,
  });
}

/** reported ≤ committed ≤ current and launch ≤ current, component by component; and so for the firmware's version. */
function versionOrder(report: SnpReport): Check {
  const { currentTcb, committedTcb, reportedTcb, launchTcb, currentVersion, committedVersion } = report;
  const below = (low: Uint8Array, high: Uint8Array): boolean => low.every((byte, index) => byte <= (high[index] ?? 0));
  const passed =
    below(reportedTcb, committedTcb) &&
    below(committedTcb, currentTcb) &&
    below(launchTcb, currentTcb) &&
    compareVersions(currentVersion, committedVersion) >= 0;
  return check('version order', 'E-ATTEST-MISMATCH', passed, {
    got: `reported ${toHex(reportedTcb)}, committed ${toHex(committedTcb)} (${versionText(committedVersion)}), current ${toHex(currentTcb)} (${versionText(currentVersion)}), launch ${toHex(launchTcb)}`,
    want: 'reported no newer than committed, committed and launch no newer than current',
  });
}
