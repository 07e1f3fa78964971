import { refusal, type Refusal } from '../../core/errors.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { decoded, decodeText, jsonObject, textMember, textOf } from '../formats/encoded-text.ts';
import { Der, TAG, contextTag } from '../formats/der.ts';
import { Malformed, total } from '../formats/malformed.ts';
import { readCertificateTable, tableCollateral } from '../sev-snp/certificate-table.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { readPem } from '../x509/pem.ts';
import { parseRevocationList } from '../x509/revocation-list.ts';
import { isBundle, MAX_BUNDLE_BYTES, readBundle } from './bundle.ts';
import type { Collateral, CollateralItem } from './collateral.ts';

/** Bytes of one file: the largest revocation lists stay below 4 MiB. */
export const MAX_COLLATERAL_FILE_BYTES = 8 * 1024 * 1024;
const MAX_PEM_BLOCKS = 1024;

/** What one kind of file holds; null: not this kind. Throws Malformed where it is this kind and broken. */
type Reader = (bytes: Uint8Array, text: string | null) => Collateral | null;

/** In this order; the formats with magic values come before those that are tried. */
const READERS: readonly Reader[] = [fromBundle, fromTable, fromPem, fromJson, fromXml, fromDer];

/**
 * The items of one file, unverified, whatever its kind: PEM bundles (certificates, revocation lists), one DER
 * certificate, list or OCSP response (also in hexadecimal or Base64), Intel's JSON answers, the JSON collateral of
 * dcap-qvl (chains, lists and signed answers in one), RIM files and NVIDIA's JSON answer around one, the table of
 * certificates that a host hands to its SEV-SNP guest, and our own bundles.
 * E-ATTEST-COLLATERAL-INVALID for anything else. `fileName` is for the message only.
 */
export function readCollateral(bytes: Uint8Array, fileName = 'collateral'): Result<Collateral, Refusal> {
  const refuse = (why: string): Result<Collateral, Refusal> =>
    err(refusal('E-ATTEST-COLLATERAL-INVALID', `${fileName}: ${why}`));
  if (bytes.length > MAX_BUNDLE_BYTES) return refuse('larger than 32 MiB');
  if (!isBundle(bytes) && bytes.length > MAX_COLLATERAL_FILE_BYTES) return refuse('larger than 8 MiB');
  const read = total(fileName, () => {
    const text = textOf(bytes);
    for (const reader of READERS) {
      const items = reader(bytes, text);
      if (items !== null) return items;
    }
    return null;
  });
  if (!read.ok) return err({ ...read.error, code: 'E-ATTEST-COLLATERAL-INVALID' });
  if (read.value === null) return refuse('neither PEM, DER, Intel JSON, a RIM nor a bundle');
  return read.value.length === 0 ? refuse('holds no certificate, list or signed answer') : ok(read.value);
}

function fromBundle(bytes: Uint8Array): Collateral | null {
  return isBundle(bytes) ? readBundle(bytes) : null;
}

function fromPem(_bytes: Uint8Array, text: string | null): Collateral | null {
  if (text?.trimStart().startsWith('{') === true) return null;
  return text?.includes('-----BEGIN ') === true ? pemItems(text) : null;
}

function pemItems(text: string): CollateralItem[] {
  return readPem(text, MAX_PEM_BLOCKS).flatMap(({ label, der }): CollateralItem[] => {
    if (label === 'CERTIFICATE') return [{ kind: 'certificate', der }];
    return label === 'X509 CRL' ? [{ kind: 'revocation-list', der }] : [];
  });
}

function fromXml(_bytes: Uint8Array, text: string | null): Collateral | null {
  const trimmed = text?.trimStart() ?? '';
  return text !== null && trimmed.startsWith('<') && trimmed.includes('SoftwareIdentity')
    ? [{ kind: 'rim', text }]
    : null;
}

function fromDer(bytes: Uint8Array): Collateral | null {
  const der = decoded(bytes);
  if (der[0] !== TAG.sequence) return null;
  if (parseCertificate(der).ok) return [{ kind: 'certificate', der }];
  if (parseRevocationList(der).ok) return [{ kind: 'revocation-list', der }];
  return isOcspResponse(der) ? [{ kind: 'ocsp-response', der }] : null;
}

function fromTable(bytes: Uint8Array): Collateral | null {
  const table = total('certificate table', () => tableCollateral(readCertificateTable(bytes)));
  return table.ok && table.value.length > 0 ? table.value : null;
}

/** SEQUENCE of ENUMERATED and `[0]` (RFC 6960 §4.2.1). */
function isOcspResponse(der: Uint8Array): boolean {
  const parts = total('OCSP response', () => Der.read(der).children());
  if (!parts.ok) return false;
  const [status, body, ...others] = parts.value;
  return status?.tag === TAG.enumerated && body?.tag === contextTag(0, true) && others.length === 0;
}

function fromJson(_bytes: Uint8Array, text: string | null): Collateral | null {
  if (text?.trimStart().startsWith('{') !== true) return null;
  const value = jsonObject(text);
  if (value === null) throw new Malformed('not JSON');
  if (Object.hasOwn(value, 'tcbInfo')) return [{ kind: 'intel-tcb-info', text, chain: [] }];
  if (Object.hasOwn(value, 'enclaveIdentity')) return [{ kind: 'intel-qe-identity', text, chain: [] }];
  const rim = textMember(value, 'rim');
  const xml = rim === null ? null : textOf(decodeText(rim) ?? new Uint8Array());
  if (xml !== null) return [{ kind: 'rim', text: xml }];
  return textMember(value, 'tcb_info') === null ? null : fromQuoteCollateral(value);
}

/** The JSON of dcap-qvl's QuoteCollateralV3: every signed text as a string, so that the signed bytes survive. */
function fromQuoteCollateral(value: Readonly<Record<string, unknown>>): Collateral {
  const certificates = (name: string): Uint8Array[] =>
    pemItems(unescaped(textMember(value, name) ?? '')).flatMap((item) =>
      item.kind === 'certificate' ? [item.der] : [],
    );
  const list = (name: string): CollateralItem[] => {
    const text = textMember(value, name);
    if (text === null) return [];
    const [block] = text.includes('-----BEGIN ') ? readPem(text) : [];
    const der = block?.der ?? decodeText(text);
    if (der === null) throw new Malformed(`${name} is neither PEM, hexadecimal nor Base64`);
    return [{ kind: 'revocation-list', der }];
  };
  const answer = (member: string, name: string): string =>
    `{"${member}":${textMember(value, name) ?? ''},"signature":"${textMember(value, `${name}_signature`) ?? ''}"}`;
  return [
    {
      kind: 'intel-tcb-info',
      text: answer('tcbInfo', 'tcb_info'),
      chain: certificates('tcb_info_issuer_chain'),
    },
    {
      kind: 'intel-qe-identity',
      text: answer('enclaveIdentity', 'qe_identity'),
      chain: certificates('qe_identity_issuer_chain'),
    },
    ...list('root_ca_crl'),
    ...list('pck_crl'),
    ...certificates('pck_crl_issuer_chain').map((der): CollateralItem => ({ kind: 'certificate', der })),
    ...certificates('pck_certificate_chain').map((der): CollateralItem => ({ kind: 'certificate', der })),
  ];
}

/** PEM as Intel's HTTP headers carry it is percent-encoded. */
function unescaped(pem: string): string {
  if (!pem.includes('%20')) return pem;
  try {
    return decodeURIComponent(pem);
  } catch {
    throw new Malformed('a chain is neither PEM nor percent-encoded PEM');
  }
}
