import { bytesEqual, toHex } from '../../core/bytes.ts';
import type { Refusal } from '../../core/errors.ts';
import { err, type Result } from '../../core/result.ts';
import type { Check } from '../attestation-result.ts';
import { certificatesOf, pathFrom } from '../dcap/certificate-pool.ts';
import { readPckPlatform, SGX_EXTENSION } from '../dcap/pck-platform.ts';
import { chooseAnswer, parseQeIdentity, parseTcbInfo, type AnswerRules } from '../dcap/signed-answer.ts';
import type { AnswerDates } from '../dcap/tcb-info.ts';
import { Malformed, total } from '../formats/malformed.ts';
import { FWID_EXTENSIONS } from '../nvidia-gpu/device-certificate.ts';
import { rimOf } from '../nvidia-gpu/rim.ts';
import { xmlSignatureFault } from '../nvidia-gpu/xml-signature.ts';
import { hardwareIdOf } from '../sev-snp/kds-certificate.ts';
import type { RootUse, VendorRoots } from '../trust/vendor-roots.ts';
import { commonNameOf, readCertificate, type Certificate } from '../x509/certificate.ts';
import { checkChain, nameOf } from '../x509/check-chain.ts';
import { parseOcspResponse } from '../x509/ocsp-response.ts';
import { ocspVerdict } from '../x509/ocsp-status.ts';
import { listFault, readRevocationList } from '../x509/revocation-list.ts';
import { ofKind, type Collateral, type CollateralItem } from './collateral.ts';

/** What a vendor says in one item; true as far as the vendor is believed, once `describeItem` gave it. */
export interface ItemFacts {
  readonly kind: CollateralItem['kind'];
  /** What a newer item replaces: the same for every issue of one statement, and for nothing else. */
  readonly subject: string;
  /** For people: whom or what it is about. */
  readonly about: string;
  /** Common name of who signed it. */
  readonly issuer: string;
  /**
   * Milliseconds since 1970: when the vendor signed it (TCB info, QE identity, lists, OCSP answers), else from when it
   * is valid (certificates), or its signer is (RIMs, which bear no date).
   */
  readonly issuedAt: number;
  /** Milliseconds since 1970, included: last moment at which it can be used. */
  readonly validUntil: number;
  /** Evaluation data number or list number; null: this kind has none, or the list bears none. */
  readonly number: bigint | null;
}

/** What items are verified with. */
export interface ItemTrust {
  /** Unverified: every certificate at hand. */
  readonly certificates: readonly Certificate[];
  readonly roots: VendorRoots;
}

const MAX_NUMBER_HEX_DIGITS = 40;
const LISTS: readonly RootUse[] = ['intel', 'amd-milan', 'amd-genoa', 'amd-turin'];
const NVIDIA: readonly RootUse[] = ['nvidia-rim', 'nvidia-device'];

/** Every certificate in `items`: those given as such, in the chains of signed answers, and in RIMs. */
export function certificatesIn(items: Collateral): Certificate[] {
  const ders = items.flatMap((item): readonly Uint8Array[] => {
    if (item.kind === 'certificate') return [item.der];
    return item.kind === 'intel-tcb-info' || item.kind === 'intel-qe-identity' ? item.chain : [];
  });
  const rims = ofKind(items, 'rim').flatMap((item) => {
    const parsed = rimOf(item);
    return parsed.ok ? parsed.value.signature.certificates.map(({ der }) => der) : [];
  });
  return certificatesOf([...ders, ...rims]);
}

/**
 * Verifies that a pinned vendor root stands behind the item, at the time that the item itself bears, so that no clock
 * is needed and what has expired can be told from what is forged; whether it holds now is checked at each use.
 * E-ATTEST-COLLATERAL-INVALID.
 */
export function describeItem(item: CollateralItem, trust: ItemTrust): Result<ItemFacts, Refusal> {
  const described = total(WHAT[item.kind], () => describe(item, trust));
  return described.ok ? described : err({ ...described.error, code: 'E-ATTEST-COLLATERAL-INVALID' });
}

/** For people. */
export const WHAT: Readonly<Record<CollateralItem['kind'], string>> = {
  certificate: 'certificate',
  'revocation-list': 'revocation list',
  'intel-tcb-info': 'TCB info',
  'intel-qe-identity': 'QE identity',
  rim: 'RIM',
  'ocsp-response': 'OCSP answer',
};

function describe(item: CollateralItem, trust: ItemTrust): ItemFacts {
  switch (item.kind) {
    case 'certificate':
      return certificateFacts(readCertificate(item.der), trust);
    case 'revocation-list':
      return listFacts(item.der, trust);
    case 'intel-tcb-info':
      return answerFacts(item, trust, parseTcbInfo, ({ tee, fmspc, pceId }) => {
        return `${tee.toUpperCase()} FMSPC ${fmspc} PCEID ${pceId}`;
      });
    case 'intel-qe-identity':
      return answerFacts(item, trust, parseQeIdentity, ({ tee }) => tee.toUpperCase());
    case 'rim':
      return rimFacts(item, trust);
    case 'ocsp-response':
      return ocspFacts(item.der, trust);
  }
}

function certificateFacts(certificate: Certificate, trust: ItemTrust): ItemFacts {
  anchor(certificate, trust, { from: 0, issues: certificate.basicConstraints?.ca === true });
  const { notBefore, notAfter, issuerCommonName, fingerprint, extensions } = certificate;
  const chip = hardwareIdOf(certificate);
  const named = extensions.has(SGX_EXTENSION) ? `, FMSPC ${readPckPlatform(certificate).fmspc}` : '';
  return {
    kind: 'certificate',
    subject: `certificate ${fingerprint}`,
    about: `${nameOf(certificate)}${chip === null ? named : `, chip ${toHex(chip.subarray(0, 8))}…`}`,
    issuer: issuerCommonName,
    issuedAt: notBefore,
    validUntil: notAfter,
    number: null,
  };
}

function listFacts(der: Uint8Array, trust: ItemTrust): ItemFacts {
  const list = readRevocationList(der);
  const name = commonNameOf(list.issuer);
  const authorities = trust.certificates.filter(({ subject }) => bytesEqual(subject, list.issuer));
  if (authorities.length === 0) throw new Malformed(`the certificate of its issuer, ${name}, is not given with it`);
  firstWithout(authorities, (authority) => {
    const at = anchor(authority, trust, { from: list.thisUpdate, issues: true, uses: LISTS });
    const fault = listFault(list, authority, at);
    if (fault !== null) throw new Malformed(`of ${name}: ${fault}`);
  });
  return {
    kind: 'revocation-list',
    subject: `revocation-list ${toHex(list.issuer)}`,
    about: name,
    issuer: name,
    issuedAt: list.thisUpdate,
    validUntil: list.nextUpdate ?? list.thisUpdate,
    number: list.number === null ? null : listNumber(list.number),
  };
}

/** Two's complement in hexadecimal; at most 20 octets and not negative (RFC 5280 §5.2.3). */
function listNumber(hex: string): bigint {
  if (hex.length > MAX_NUMBER_HEX_DIGITS || /^[89a-f]/.test(hex))
    throw new Malformed('the list number is out of range');
  return BigInt(`0x${hex}`);
}

function answerFacts<T extends AnswerDates>(
  item: Extract<CollateralItem, { kind: 'intel-tcb-info' | 'intel-qe-identity' }>,
  { certificates, roots }: ItemTrust,
  parse: AnswerRules<T>['parse'],
  subject: (answer: T) => string,
): ItemFacts {
  const parsed = parse(item);
  if (!parsed.ok) throw new Malformed(parsed.error.detail);
  const { answer } = parsed.value;
  const { signer, checks } = chooseAnswer({
    label: WHAT[item.kind],
    parse,
    fits: () => true,
    subject,
    want: '',
    items: [item],
    pool: certificates,
    roots: roots.intel,
    at: answer.issueDate,
  });
  mustPass(checks);
  return {
    kind: item.kind,
    subject: `${item.kind} ${subject(answer)}`,
    about: subject(answer),
    issuer: signer?.subjectCommonName ?? '',
    issuedAt: answer.issueDate,
    validUntil: answer.nextUpdate,
    number: BigInt(answer.evaluationDataNumber),
  };
}

function rimFacts(item: Extract<CollateralItem, { kind: 'rim' }>, { roots }: ItemTrust): ItemFacts {
  const parsed = rimOf(item);
  if (!parsed.ok) throw new Malformed(parsed.error.detail);
  const { signature, tagId, product, edition, version } = parsed.value;
  const { certificates } = signature;
  const fault = xmlSignatureFault(signature, certificates[0]);
  if (fault !== null) throw new Malformed(fault);
  const at = Math.max(...certificates.map(({ notBefore }) => notBefore));
  mustPass(checkChain(certificates, { roots: roots['nvidia-rim'], at, label: 'RIM' }));
  return {
    kind: 'rim',
    subject: `rim ${tagId}`,
    about: `${product} ${edition} ${version}`,
    issuer: certificates[0]?.subjectCommonName ?? '',
    issuedAt: certificates[0]?.notBefore ?? 0,
    validUntil: Math.min(...certificates.map(({ notAfter }) => notAfter)),
    number: null,
  };
}

function ocspFacts(der: Uint8Array, trust: ItemTrust): ItemFacts {
  const parsed = parseOcspResponse(der);
  if (!parsed.ok) throw new Malformed(parsed.error.detail);
  const response = parsed.value;
  const [answer, ...others] = response.answers;
  if (answer === undefined || others.length > 0) throw new Malformed('is not about exactly one certificate');
  const { nextUpdate, thisUpdate, id, status } = answer;
  if (nextUpdate === null) throw new Malformed('does not say until when it holds');
  const pairs = trust.certificates
    .filter(({ serial }) => serial === id.serial)
    .flatMap((certificate) =>
      trust.certificates
        .filter(({ subject }) => bytesEqual(subject, certificate.issuer))
        .map((issuer) => ({ certificate, issuer })),
    )
    .filter((pair) => ocspVerdict(response, { ...pair, at: thisUpdate }) !== null);
  if (pairs.length === 0) throw new Malformed(`certificate ${id.serial} or its issuer is not given with it`);
  const { certificate, issuer } = firstWithout(pairs, (pair) => {
    const from = Math.max(response.producedAt, thisUpdate);
    const at = anchor(pair.issuer, trust, { from, issues: true, uses: NVIDIA });
    const fault = ocspVerdict(response, { ...pair, at })?.fault ?? null;
    if (fault !== null) throw new Malformed(fault);
  });
  return {
    kind: 'ocsp-response',
    subject: `ocsp-response ${certificate.fingerprint}`,
    about: `${nameOf(certificate)} ${certificate.serial}: ${status}`,
    issuer: nameOf(issuer),
    issuedAt: thisUpdate,
    validUntil: nextUpdate,
    number: null,
  };
}

interface AnchorRules {
  /** Milliseconds since 1970; the check is made then, or when the youngest certificate of the path begins. */
  readonly from: number;
  readonly issues: boolean;
  /** Whose roots count; left out: any vendor's. */
  readonly uses?: readonly RootUse[];
}

/** When a path from `certificate` to a pinned root holds; throws Malformed where none does. */
function anchor(certificate: Certificate, trust: ItemTrust, { from, issues, uses }: AnchorRules): number {
  const path = pathFrom(certificate, trust.certificates);
  const at = Math.max(from, ...path.map(({ notBefore }) => notBefore));
  const roots = (uses ?? (Object.keys(trust.roots) as RootUse[])).flatMap((use) => trust.roots[use]);
  const rules = { roots, at, label: nameOf(certificate), leafSigns: false, leafIssues: issues };
  mustPass(checkChain(path, { ...rules, understood: FWID_EXTENSIONS }));
  return at;
}

function mustPass(checks: readonly Check[]): void {
  const faults = checks.filter(({ passed }) => !passed).map(({ name, got, want }) => `${name}: ${got}, want ${want}`);
  if (faults.length > 0) throw new Malformed(faults.join('; '));
}

/** The first that `verify` does not refuse; where it refuses all, the first refusal. */
function firstWithout<T>(candidates: readonly T[], verify: (candidate: T) => void): T {
  const faults: Malformed[] = [];
  for (const candidate of candidates) {
    try {
      verify(candidate);
      return candidate;
    } catch (fault) {
      if (!(fault instanceof Malformed)) throw fault;
      faults.push(fault);
    }
  }
  throw faults[0] ?? new Malformed('nothing to verify it with');
}
