import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { bytesEqual, concatBytes, toHex } from '../../core/bytes.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { Check } from '../attestation-result.ts';
import { missingCheck, type AuthenticationInputs } from '../authentication.ts';
import { ofKind } from '../collateral/collateral.ts';
import { total } from '../formats/malformed.ts';
import type { Certificate } from '../x509/certificate.ts';
import { checkChain } from '../x509/check-chain.ts';
import { rawSignatureHolds } from '../x509/signature-algorithm.ts';
import { givenCertificates, pathFrom } from './certificate-pool.ts';
import { checkRevocation } from './check-revocation.ts';
import { readPckPlatform, SGX_EXTENSION, type PckPlatform } from './pck-platform.ts';
import { identityFaults, type QeIdentity } from './qe-identity.ts';
import type { Quote } from './quote.ts';
import { chooseAnswer, parseQeIdentity, parseTcbInfo } from './signed-answer.ts';
import { evaluateTcb, type TcbEvaluation } from './tcb-evaluation.ts';
import type { TcbInfo } from './tcb-info.ts';
import { isRefusedStatus } from './tcb-status.ts';

const INTEL_QE_VENDOR = '939a7233f79c4ca9940a0db3957f0607';
const PCK_NAME = 'Intel SGX PCK Certificate';
const PCK_AUTHORITY_NAMES = ['Intel SGX PCK Platform CA', 'Intel SGX PCK Processor CA'];
const ROOT_NAME = 'Intel SGX Root CA';
/** SubjectPublicKeyInfo of an uncompressed P-256 point, up to its coordinates (RFC 5480). */
const P256_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');

interface EvaluatedWith {
  /** The lower and the older of TCB info and QE identity. */
  readonly evaluationDataNumber: number;
  /** Milliseconds since 1970. */
  readonly collateralIssuedAt: number;
}

/** What is known about the machine and its firmware once a quote was checked; nothing to believe if a check failed. */
export interface QuoteVerdict {
  /** Null: no PCK certificate, or none that can be read. */
  readonly platform: PckPlatform | null;
  /** Null: not evaluated, for lack of TCB info or of a PCK certificate. */
  readonly tcb: (TcbEvaluation & EvaluatedWith) | null;
  readonly checks: readonly Check[];
}

/**
 * Everything that Intel's quote verification checks (Intel SGX-TDX-DCAP-QuoteVerificationLibrary, 4.1.2.4), apart from
 * what the program is: chain, revocation, collateral, quoting enclave, signatures, security versions.
 */
export function authenticateQuote(quote: Quote, inputs: AuthenticationInputs): QuoteVerdict {
  const { at, collateral, roots } = inputs;
  const given = givenCertificates(collateral);
  const pckChain = quote.pckChain ?? findPckChain(quote, given);
  const [pck, authority, root] = pckChain;
  const reading = pck === undefined ? null : total('PCK certificate', () => readPckPlatform(pck));
  const platform = reading?.ok === true ? reading.value : null;
  const shared = { pool: [...given, ...pckChain], roots: roots.intel, at };
  const tcbInfo = chooseAnswer<TcbInfo>({
    ...shared,
    label: 'TCB info',
    parse: parseTcbInfo,
    fits: (one) => one.tee === quote.header.tee && one.fmspc === platform?.fmspc && one.pceId === platform.pceId,
    subject: ({ tee, fmspc, pceId }) => `${tee.toUpperCase()} FMSPC ${fmspc} PCEID ${pceId}`,
    want: `for ${quote.header.tee.toUpperCase()} FMSPC ${platform?.fmspc ?? 'of the PCK certificate'} PCEID ${platform?.pceId ?? ''}`,
    items: platform === null ? [] : ofKind(collateral, 'intel-tcb-info'),
  });
  const qeIdentity = chooseAnswer<QeIdentity>({
    ...shared,
    label: 'QE identity',
    parse: parseQeIdentity,
    fits: ({ tee }) => tee === quote.header.tee,
    subject: ({ tee }) => tee.toUpperCase(),
    want: `for the quoting enclave of ${quote.header.tee.toUpperCase()}`,
    items: ofKind(collateral, 'intel-qe-identity'),
  });
  const signers = distinct([tcbInfo.signer, qeIdentity.signer]);
  const tcb =
    platform === null || tcbInfo.answer === null
      ? null
      : evaluateTcb({
          platform,
          body: quote.body,
          qeReport: quote.qeReport,
          tcbInfo: tcbInfo.answer,
          qeIdentity: qeIdentity.answer,
        });
  const answers = [tcbInfo.answer, qeIdentity.answer].filter((one) => one !== null);
  const evaluationDataNumber = Math.min(...answers.map((one) => one.evaluationDataNumber));
  const collateralIssuedAt = Math.min(...answers.map(({ issueDate }) => issueDate));
  const checks = [
    check('quoting enclave vendor', 'E-ATTEST-SIGNATURE', toHex(quote.header.qeVendorId), INTEL_QE_VENDOR),
    ...checkPckChain(pckChain, inputs),
    ...(reading?.ok === false
      ? [failure('PCK platform data', 'E-ATTEST-SIGNATURE', reading.error.detail, 'the SGX extension of Intel')]
      : []),
    ...(authority === undefined || root === undefined || pck === undefined
      ? []
      : checkRevocation(
          [
            { label: 'PCK revocation list', issuer: authority, issued: [pck] },
            { label: 'root revocation list', issuer: root, issued: [authority, ...signers] },
          ],
          inputs,
        )),
    ...tcbInfo.checks,
    ...qeIdentity.checks,
    ...checkSignatures(quote, pck ?? null),
    ...(qeIdentity.answer === null ? [] : [checkQuotingEnclave(quote, qeIdentity.answer)]),
    ...(tcb === null ? [] : checkTcb(tcb)),
  ];
  return { platform, tcb: tcb === null ? null : { ...tcb, evaluationDataNumber, collateralIssuedAt }, checks };
}

const distinct = (certificates: readonly (Certificate | null)[]): Certificate[] => [
  ...new Map(certificates.flatMap((one) => (one === null ? [] : [[one.fingerprint, one] as const]))).values(),
];

/** For quotes without their PCK certificate: the given one whose key signed the QE report. */
function findPckChain(quote: Quote, given: readonly Certificate[]): Certificate[] {
  const pck = given.find(({ extensions, publicKey }) => extensions.has(SGX_EXTENSION) && signedBy(quote, publicKey));
  return pck === undefined ? [] : pathFrom(pck, given);
}

function checkPckChain(chain: readonly Certificate[], { roots, at }: AuthenticationInputs): Check[] {
  if (chain.length === 0) {
    return [missingCheck('PCK certificate', 'the PCK certificate of this platform and its chain: the quote has none')];
  }
  const names = chain.map(({ subjectCommonName }) => subjectCommonName);
  const [pck = '', authority = '', root = ''] = names;
  const named = pck === PCK_NAME && PCK_AUTHORITY_NAMES.includes(authority) && root === ROOT_NAME;
  return [
    {
      name: 'PCK names',
      code: 'E-ATTEST-SIGNATURE',
      passed: chain.length === 3 && named,
      got: names.join(', '),
      want: 'a PCK certificate, its Platform or Processor CA and the root',
    },
    ...checkChain(chain, { roots: roots.intel, at, label: 'PCK' }),
  ];
}

function checkSignatures(quote: Quote, pck: Certificate | null): Check[] {
  const { attestationKey, qeReport, qeAuthenticationData } = quote;
  const bound = createHash('sha256').update(concatBytes(attestationKey, qeAuthenticationData)).digest();
  const unused = qeReport.reportData.subarray(32).every((byte) => byte === 0);
  const quoteSigned = rawSignatureHolds('sha256', quote.signed, quote.signature, pointKey(attestationKey));
  return [
    ...(pck === null
      ? []
      : [signature('QE report signature', signedBy(quote, pck.publicKey), 'signed by the key of the PCK certificate')]),
    {
      name: 'attestation key',
      code: 'E-ATTEST-SIGNATURE',
      passed: unused && bytesEqual(qeReport.reportData.subarray(0, 32), bound),
      got: toHex(qeReport.reportData.subarray(0, 32)),
      want: `${toHex(bound)}, which the quoting enclave vouches for`,
    },
    signature('quote signature', quoteSigned, 'signed by the attestation key'),
  ];
}

const signedBy = ({ qeReport, qeReportSignature }: Quote, key: KeyObject | null): boolean =>
  rawSignatureHolds('sha256', qeReport.bytes, qeReportSignature, key);

/** Null: not a point of the curve. */
function pointKey(point: Uint8Array): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.concat([P256_PREFIX, point]), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

function checkQuotingEnclave({ qeReport }: Quote, identity: QeIdentity): Check {
  const faults = identityFaults(qeReport, identity);
  return {
    name: 'quoting enclave',
    code: 'E-ATTEST-SIGNATURE',
    passed: faults.length === 0,
    got: faults.length === 0 ? "Intel's" : `another enclave: ${faults.join(', ')} differ`,
    want: "Intel's quoting enclave, as the QE identity describes it",
  };
}

function checkTcb({ status, moduleFault, platform }: TcbEvaluation): Check[] {
  const why = moduleFault ?? (platform === null ? 'no level of TCB info is reached' : 'as its parts were matched');
  return [
    ...(moduleFault === null
      ? []
      : [failure('TDX module', 'E-ATTEST-MISMATCH', moduleFault, "Intel's TDX module, as TCB info describes it")]),
    {
      name: 'TCB level',
      code: 'E-ATTEST-TCB',
      passed: !isRefusedStatus(status),
      got: isRefusedStatus(status) ? `${status}: ${why}` : status,
      want: 'a level that Intel supports and has not revoked',
    },
  ];
}

const failure = (name: string, code: ErrorCode, got: string, want: string): Check => ({
  name,
  code,
  passed: false,
  got,
  want,
});

const check = (name: string, code: ErrorCode, got: string, want: string): Check => ({
  name,
  code,
  passed: got === want,
  got,
  want,
});

const signature = (name: string, holds: boolean, want: string): Check => ({
  name,
  code: 'E-ATTEST-SIGNATURE',
  passed: holds,
  got: holds ? 'valid' : 'not valid',
  want,
});
