import { bytesEqual } from '../../core/bytes.ts';
import type { Check } from '../attestation-result.ts';
import { absentRevocation, type AuthenticationInputs } from '../authentication.ts';
import { ofKind } from '../collateral/collateral.ts';
import type { Certificate } from '../x509/certificate.ts';
import { nameOf } from '../x509/check-chain.ts';
import { listFault, revocationListOf, type RevocationList } from '../x509/revocation-list.ts';

/** What `issuer` may have revoked. */
export interface RevocationSubject {
  /** `PCK revocation list`. */
  readonly label: string;
  readonly issuer: Certificate;
  readonly issued: readonly Certificate[];
}

/**
 * Revocation by the lists that were given: for each issuer its own list, signed by it and in date at `at`, and no
 * certificate on it. A list that cannot be read fails, since it may be the one that matters.
 */
export function checkRevocation(
  subjects: readonly RevocationSubject[],
  { collateral, revocation, at }: Pick<AuthenticationInputs, 'collateral' | 'revocation' | 'at'>,
): Check[] {
  const parsed = ofKind(collateral, 'revocation-list').map(revocationListOf);
  const lists = parsed.flatMap((one) => (one.ok ? [one.value] : []));
  const [broken] = parsed.flatMap((one) => (one.ok ? [] : [one.error.detail]));
  const checks = subjects.flatMap((subject) => checkLists(subject, lists, revocation, at));
  if (broken === undefined) return checks;
  return [invalid('revocation lists', false, broken, 'lists that can be read'), ...checks];
}

function checkLists(
  { label, issuer, issued }: RevocationSubject,
  lists: readonly RevocationList[],
  revocation: AuthenticationInputs['revocation'],
  at: number,
): Check[] {
  const own = lists.filter((list) => bytesEqual(list.issuer, issuer.subject));
  if (own.length === 0) {
    const others = lists.filter(isOfPckAuthority);
    const wanted = `a list issued by ${nameOf(issuer)}`;
    return isPckAuthority(issuer) && others.length > 0
      ? [invalid(label, false, 'a list of another PCK authority', wanted)]
      : [absentRevocation(label, wanted, revocation)];
  }
  own.sort((a, b) => b.thisUpdate - a.thisUpdate);
  const valid = own.find((list) => listFault(list, issuer, at) === null);
  const [chosen = null] = valid === undefined ? own : [valid];
  const fault = valid === undefined && chosen !== null ? listFault(chosen, issuer, at) : null;
  const revoked = issued.filter(({ serial }) => chosen?.revoked.has(serial));
  return [
    invalid(
      label,
      fault === null,
      fault ?? 'valid',
      `signed by ${nameOf(issuer)}, valid at ${new Date(at).toISOString()}`,
    ),
    ...issued.map((certificate): Check => ({
      name: `${nameOf(certificate)}: not revoked`,
      code: 'E-ATTEST-REVOKED',
      passed: !revoked.includes(certificate),
      got: revoked.includes(certificate) ? `revoked by ${nameOf(issuer)}` : `not on the list`,
      want: 'a certificate that is not revoked',
    })),
  ];
}

const PCK_AUTHORITY = 'Intel SGX PCK ';
const isPckAuthority = ({ subjectCommonName }: Certificate): boolean => subjectCommonName.startsWith(PCK_AUTHORITY);
const isOfPckAuthority = ({ issuer }: RevocationList): boolean => Buffer.from(issuer).includes(PCK_AUTHORITY);

const invalid = (name: string, holds: boolean, got: string, want: string): Check => ({
  name,
  code: 'E-ATTEST-COLLATERAL-INVALID',
  passed: holds,
  got,
  want,
});
