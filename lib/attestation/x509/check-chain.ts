import { bytesEqual } from '../../core/bytes.ts';
import type { Check } from '../attestation-result.ts';
import type { Certificate } from './certificate.ts';
import { EXTENSION, KEY_USAGE } from './extensions.ts';
import { schemeName, signatureHolds } from './signature-algorithm.ts';

/** Extensions whose rules are applied here or by the caller; any other critical one is refused (RFC 5280 §4.2). */
const APPLIED: readonly string[] = [EXTENSION.basicConstraints, EXTENSION.keyUsage];

export interface ChainRules {
  /** SHA-256 fingerprints in lower-case hexadecimal: the only trust anchors. */
  readonly roots: readonly string[];
  /** Milliseconds since 1970 at which every certificate must be valid. */
  readonly at: number;
  /** Critical extensions that the caller understands. */
  readonly understood?: readonly string[];
  /** What the leaf must be allowed to do: to sign (the usual), or nothing in particular. Absent key usage allows all. */
  readonly leafSigns?: boolean;
  /** True: the first certificate is itself an authority. Left out: it must not be one. */
  readonly leafIssues?: boolean;
  /** Put before the name of each check, for example `PCK`. */
  readonly label: string;
}

/**
 * A path from leaf to root, both included, in that order (RFC 5280 §6.1, without name constraints and policies,
 * which no vendor uses). The last certificate must be a pinned root: whatever else came with the evidence is never
 * an anchor. Every rule is checked and reported, also after a failure.
 */
export function checkChain(chain: readonly Certificate[], rules: ChainRules): Check[] {
  const { label, at } = rules;
  const root = chain.at(-1);
  const pinned = root !== undefined && rules.roots.includes(root.fingerprint);
  const unsigned = chain.filter((certificate, index) => !isSigned(certificate, chain[index + 1], rules.roots));
  const outside = chain.filter(({ notBefore, notAfter }) => at < notBefore || at > notAfter);
  const unfit = chain.flatMap((certificate, index) => unfitness(certificate, index, rules));
  return [
    {
      name: `${label} root`,
      code: 'E-ATTEST-SIGNATURE',
      passed: pinned,
      got: root === undefined ? 'no certificate' : `${nameOf(root)} ${root.fingerprint.slice(0, 16)}…`,
      want: 'a pinned vendor root',
    },
    {
      name: `${label} signatures`,
      code: 'E-ATTEST-SIGNATURE',
      passed: chain.length > 0 && unsigned.length === 0,
      got: unsigned.length === 0 ? 'all valid' : `not signed by its issuer: ${unsigned.map(nameOf).join(', ')}`,
      want: 'each signed by the next',
    },
    {
      name: `${label} roles`,
      code: 'E-ATTEST-SIGNATURE',
      passed: chain.length > 0 && unfit.length === 0,
      got: unfit.length === 0 ? 'as allowed' : unfit.join('; '),
      want: 'authorities that may issue, a leaf that may sign',
    },
    {
      name: `${label} validity`,
      code: 'E-ATTEST-EXPIRED',
      passed: chain.length > 0 && outside.length === 0,
      got: outside.length === 0 ? `valid at ${iso(at)}` : outside.map(window).join(', '),
      want: `valid at ${iso(at)}`,
    },
  ];
}

/** The last signs itself. Where it is pinned, all its bytes are known, and its signature would add nothing. */
function isSigned(certificate: Certificate, next: Certificate | undefined, roots: readonly string[]): boolean {
  if (next === undefined && roots.includes(certificate.fingerprint)) return true;
  const issuer = next ?? certificate;
  if (!bytesEqual(certificate.issuer, issuer.subject)) return false;
  return signatureHolds(certificate.algorithm, certificate.signed, certificate.signature, issuer.publicKey);
}

function unfitness(certificate: Certificate, index: number, rules: ChainRules): string[] {
  const { basicConstraints, keyUsage, extensions } = certificate;
  const faults: string[] = [];
  const may = (bit: number): boolean => keyUsage === null || keyUsage.has(bit);
  if (index === 0 && rules.leafIssues !== true) {
    if (basicConstraints?.ca === true) faults.push('the leaf is an authority');
    if ((rules.leafSigns ?? true) && !may(KEY_USAGE.digitalSignature)) faults.push('the leaf may not sign');
  } else {
    if (basicConstraints?.ca !== true || !may(KEY_USAGE.keyCertSign)) {
      faults.push(`${nameOf(certificate)} may not issue`);
    }
    const below = index - 1;
    const allowed = basicConstraints?.pathLength ?? null;
    if (allowed !== null && below > allowed)
      faults.push(`${nameOf(certificate)} allows ${allowed} authorities below it`);
  }
  const understood = [...APPLIED, ...(rules.understood ?? [])];
  for (const [id, { critical }] of extensions) {
    if (critical && !understood.includes(id)) faults.push(`${nameOf(certificate)} has the unknown critical rule ${id}`);
  }
  return faults;
}

/** For people; printable where names are shown. */
export const nameOf = ({ subjectCommonName, algorithm }: Certificate): string =>
  subjectCommonName === '' ? `a certificate without a name (${schemeName(algorithm)})` : subjectCommonName;

const window = (certificate: Certificate): string =>
  `${nameOf(certificate)} is valid from ${iso(certificate.notBefore)} to ${iso(certificate.notAfter)}`;

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
