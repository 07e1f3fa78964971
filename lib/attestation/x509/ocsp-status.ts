import { createHash } from 'node:crypto';
import { bytesEqual } from '../../core/bytes.ts';
import type { Check } from '../attestation-result.ts';
import { absentRevocation, type AuthenticationInputs } from '../authentication.ts';
import { Der, TAG } from '../formats/der.ts';
import { total } from '../formats/malformed.ts';
import type { Certificate } from './certificate.ts';
import { nameOf } from './check-chain.ts';
import { EXTENSION, KEY_USAGE } from './extensions.ts';
import type { CertificateId, OcspAnswer, OcspResponse } from './ocsp-response.ts';
import { signatureHolds } from './signature-algorithm.ts';

const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const NONCE = '1.3.6.1.5.5.7.48.1.2';
const CERTIFICATE_HOLD = 6;
/** Hashes of certificate identifiers: RFC 6960 and what NVIDIA's clients ask with. */
const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
};
/** Extensions of a responder's certificate whose rules are applied here. */
const APPLIED: readonly string[] = [EXTENSION.basicConstraints, EXTENSION.keyUsage, EXTENSION.extendedKeyUsage];

export interface OcspQuestion {
  readonly certificate: Certificate;
  /** The authority that issued it; must already be authentic. */
  readonly issuer: Certificate;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** What was asked with, and must come back; undefined: the answer was not asked for by us. */
  readonly nonce?: Uint8Array;
}

type OcspVerdict =
  { readonly answer: OcspAnswer; readonly fault: null } | { readonly answer: null; readonly fault: string };

/**
 * What `response` says about a certificate (RFC 6960 §3.2). Null: it does not speak of it. A fault: it does, and
 * may not be believed. Signed by the issuer itself, or by a responder that the issuer certified for this.
 */
export function ocspVerdict(response: OcspResponse, question: OcspQuestion): OcspVerdict | null {
  const answer = response.answers.find(({ id }) => identifies(id, question));
  if (answer === undefined) return null;
  const fault = responseFault(response, question) ?? answerFault(answer, question.at);
  return fault === null ? { answer, fault } : { answer: null, fault };
}

function responseFault(response: OcspResponse, { issuer, at, nonce }: OcspQuestion): string | null {
  const responder = [issuer, ...response.certificates].find((certificate) => isResponder(response, certificate));
  if (responder === undefined) return 'the responder has no certificate';
  const unfit = responder === issuer ? null : delegationFault(responder, issuer, at);
  if (unfit !== null) return unfit;
  if (!signatureHolds(response.algorithm, response.signed, response.signature, responder.publicKey)) {
    return 'not signed by its responder';
  }
  if (response.producedAt > at) return 'from the future';
  if ([...response.extensions].some(([id, { critical }]) => critical && id !== NONCE)) return 'unknown rules';
  if (nonce !== undefined && !bytesEqual(ocspNonceOf(response) ?? new Uint8Array(), nonce)) return 'another nonce';
  return null;
}

function answerFault({ extensions, thisUpdate, nextUpdate }: OcspAnswer, at: number): string | null {
  if ([...extensions.values()].some(({ critical }) => critical)) return 'unknown rules';
  if (at < thisUpdate) return 'from the future';
  return nextUpdate === null || at > nextUpdate ? 'expired' : null;
}

/** RFC 6960 §4.2.2.2: certified directly by the issuer, for signing OCSP answers. */
function delegationFault(responder: Certificate, issuer: Certificate, at: number): string | null {
  const signed = signatureHolds(responder.algorithm, responder.signed, responder.signature, issuer.publicKey);
  if (!bytesEqual(responder.issuer, issuer.subject) || !signed) return 'a responder of another issuer';
  if (!extendedUses(responder).includes(OCSP_SIGNING)) return 'a responder that may not answer';
  if (responder.keyUsage?.has(KEY_USAGE.digitalSignature) === false) return 'a responder that may not sign';
  if ([...responder.extensions].some(([id, { critical }]) => critical && !APPLIED.includes(id))) return 'unknown rules';
  return at < responder.notBefore || at > responder.notAfter ? 'a responder out of date' : null;
}

function extendedUses({ extensions }: Certificate): string[] {
  const value = extensions.get(EXTENSION.extendedKeyUsage)?.value;
  if (value === undefined) return [];
  const uses = total('uses', () =>
    Der.read(value)
      .expect(TAG.sequence, 'uses')
      .children()
      .map((use) => use.oid('use')),
  );
  return uses.ok ? uses.value : [];
}

export function ocspNonceOf({ extensions }: OcspResponse): Uint8Array | null {
  const value = extensions.get(NONCE)?.value;
  const nonce = value === undefined ? null : total('nonce', () => Der.read(value).octets('nonce'));
  return nonce?.ok === true ? nonce.value : null;
}

function isResponder({ responder }: OcspResponse, certificate: Certificate): boolean {
  if ('name' in responder) return bytesEqual(responder.name, certificate.subject);
  return bytesEqual(responder.keyHash, digest('sha1', keyBits(certificate)));
}

function identifies(id: CertificateId, { certificate, issuer }: OcspQuestion): boolean {
  const hash = HASHES[id.hash];
  if (hash === undefined || id.serial !== certificate.serial) return false;
  const { name, key } = certificateHashes(hash, issuer);
  return bytesEqual(id.issuerNameHash, name) && bytesEqual(id.issuerKeyHash, key);
}

/** How a certificate identifier names the issuer (RFC 6960 §4.1.1). */
export const certificateHashes = (hash: string, issuer: Certificate): { name: Uint8Array; key: Uint8Array } => ({
  name: digest(hash, issuer.subject),
  key: digest(hash, keyBits(issuer)),
});

/** Content of the subjectPublicKey bit string. */
function keyBits({ spki }: Certificate): Uint8Array {
  const bits = total('public key', () => Der.read(spki).children()[1]?.bits('public key') ?? new Uint8Array());
  return bits.ok ? bits.value : new Uint8Array();
}

const digest = (hash: string, bytes: Uint8Array): Uint8Array => createHash(hash).update(bytes).digest();

export interface OcspRules extends Pick<AuthenticationInputs, 'at' | 'revocation' | 'acceptHold'> {
  /** As given, unverified. */
  readonly responses: readonly OcspResponse[];
  /** Put before the name of each check. */
  readonly label: string;
  /** First certificate of the chain that is asked about; the root never is. */
  readonly from: number;
}

/** A check for each certificate of an authentic chain from `from` to the one below the root, by given OCSP answers. */
export function ocspChecks(chain: readonly Certificate[], rules: OcspRules): Check[] {
  return chain.slice(0, -1).flatMap((certificate, index) => {
    const issuer = chain[index + 1];
    return index < rules.from || issuer === undefined ? [] : [ocspCheck({ certificate, issuer, at: rules.at }, rules)];
  });
}

function ocspCheck(question: OcspQuestion, { revocation, responses, label, acceptHold = false }: OcspRules): Check {
  const { certificate, at } = question;
  const name = `${label} revocation of ${nameOf(certificate)}`;
  const verdicts = responses.flatMap((response) => ocspVerdict(response, question) ?? []);
  const want = `an OCSP answer for certificate ${certificate.serial}`;
  if (verdicts.length === 0) return absentRevocation(name, want, revocation);
  const worst = worstOf(verdicts.flatMap(({ answer }) => answer ?? []));
  if (worst === null) {
    const got = verdicts.map(({ fault }) => fault ?? '').join(', ');
    return { name, code: 'E-ATTEST-COLLATERAL-INVALID', passed: false, got, want: `${want} that holds at ${iso(at)}` };
  }
  const held = worst.status === 'revoked' && worst.reason === CERTIFICATE_HOLD;
  const got = held ? 'on hold' : worst.reason === null ? worst.status : `${worst.status}, reason ${worst.reason}`;
  return { name, code: 'E-ATTEST-REVOKED', passed: worst.status === 'good' || (held && acceptHold), got, want: 'good' };
}

/** Revoked for good before on hold, on hold before unknown, unknown before good: no newer answer undoes a worse one. */
function worstOf(answers: readonly OcspAnswer[]): OcspAnswer | null {
  const badness = ({ status, reason }: OcspAnswer): number =>
    status === 'good' ? 0 : status === 'unknown' ? 1 : reason === CERTIFICATE_HOLD ? 2 : 3;
  return answers.reduce<OcspAnswer | null>(
    (worst, answer) => (worst === null || badness(answer) > badness(worst) ? answer : worst),
    null,
  );
}

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
