import { bytesEqual } from '../../core/bytes.ts';
import { ofKind, type Collateral } from '../collateral/collateral.ts';
import { parseCertificate, type Certificate } from '../x509/certificate.ts';
import { signatureHolds } from '../x509/signature-algorithm.ts';

/** NVIDIA's device chains have five. */
const MAX_PATH = 8;
/** Of one name that are tried, in the order given: the verifier's own stand first. A vendor renews a name now and then. */
export const MAX_NAMESAKES = 8;

/** The certificates among `ders` that parse, each once; the others can issue nothing. */
export const certificatesOf = (ders: readonly Uint8Array[]): Certificate[] =>
  [...new Map(ders.map((der) => [Buffer.from(der).toString('base64'), der])).values()].flatMap((der) => {
    const parsed = parseCertificate(der);
    return parsed.ok ? [parsed.value] : [];
  });

/** The certificates given as collateral. */
export const givenCertificates = (collateral: Collateral): Certificate[] =>
  certificatesOf(ofKind(collateral, 'certificate').map(({ der }) => der));

/** `leaf` and those of `pool` that issued it, one after the other, as far as there are any; no verdict. */
export function pathFrom(leaf: Certificate, pool: readonly Certificate[]): Certificate[] {
  const path = [leaf];
  for (let last = leaf; path.length < MAX_PATH && !bytesEqual(last.issuer, last.subject);) {
    const issued = last;
    const named = new Map(
      pool.flatMap((one) => (bytesEqual(one.subject, issued.issuer) ? [[one.fingerprint, one] as const] : [])),
    );
    const [first, ...others] = named.values();
    const tried = [...named.values()].slice(0, MAX_NAMESAKES);
    const issuer = others.length === 0 ? first : (tried.find((one) => issuedBy(issued, one)) ?? first);
    if (issuer === undefined) break;
    path.push(issuer);
    last = issuer;
  }
  return path;
}

const issuedBy = ({ algorithm, signed, signature }: Certificate, { publicKey }: Certificate): boolean =>
  signatureHolds(algorithm, signed, signature, publicKey);
