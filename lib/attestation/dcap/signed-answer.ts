import { utf8 } from '../../core/bytes.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import type { Check } from '../attestation-result.ts';
import { missingCheck } from '../authentication.ts';
import { total } from '../formats/malformed.ts';
import { perItem } from '../formats/per-item.ts';
import type { Certificate } from '../x509/certificate.ts';
import { checkChain } from '../x509/check-chain.ts';
import { rawSignatureHolds } from '../x509/signature-algorithm.ts';
import { certificatesOf, MAX_NAMESAKES, pathFrom } from './certificate-pool.ts';
import { readSignedJson, type JsonObject, type SignedJson } from './intel-json.ts';
import { readQeIdentity } from './qe-identity.ts';
import { readTcbInfo, type AnswerDates } from './tcb-info.ts';

const SIGNER_NAME = 'Intel SGX TCB Signing';
/** Answers in date about one machine that are tried, in the order given: the verifier's own stand first. */
const MAX_CANDIDATES = 16;
const CURVE = 'prime256v1';

/** An answer that was read, with its text and the signature that should be over it. */
export interface SignedAnswer<T> {
  readonly signed: SignedJson;
  readonly answer: T;
}

/** Of an item whose signed member is `member`; E-ATTEST-MALFORMED. */
const answerParser = <T>(label: string, member: string, read: (value: JsonObject) => T): AnswerParser<T> =>
  perItem(({ text }) =>
    total(label, () => {
      const signed = readSignedJson(text, member);
      return { signed, answer: read(signed.value) };
    }),
  );
type AnswerParser<T> = (item: { readonly text: string }) => Result<SignedAnswer<T>, Refusal>;

export const parseTcbInfo = answerParser('TCB info', 'tcbInfo', readTcbInfo);
export const parseQeIdentity = answerParser('QE identity', 'enclaveIdentity', readQeIdentity);

export interface AnswerRules<T extends AnswerDates> {
  /** Name of its checks: `TCB info`. */
  readonly label: string;
  /** `parseTcbInfo` or `parseQeIdentity`. */
  readonly parse: AnswerParser<T>;
  /** Whether it is about this machine. */
  readonly fits: (answer: T) => boolean;
  /** What it is about, for a message about one that does not fit. */
  readonly subject: (answer: T) => string;
  /** What must be given. */
  readonly want: string;
  readonly items: readonly { readonly text: string; readonly chain: readonly Uint8Array[] }[];
  /** Where signing certificates and their issuers are looked for, besides the item's own chain. */
  readonly pool: readonly Certificate[];
  readonly roots: readonly string[];
  readonly at: number;
}

export interface ChosenAnswer<T> {
  /** Null: none that fits was given. Not to be believed unless every check passed. */
  readonly answer: T | null;
  readonly signer: Certificate | null;
  readonly checks: readonly Check[];
}

/**
 * One of Intel's signed answers (TCB info, QE identity): among those that fit, one that is authentic and in date at
 * `at`, the newest evaluation data number first; where none is, the newest one's faults are reported.
 */
export function chooseAnswer<T extends AnswerDates>(rules: AnswerRules<T>): ChosenAnswer<T> {
  const { label, items, want, fits, subject, at } = rules;
  if (items.length === 0) return { answer: null, signer: null, checks: [missingCheck(label, want)] };
  const read = items.map((item) => ({ chain: item.chain, parsed: rules.parse(item) }));
  const fitting = read.flatMap(({ chain, parsed }) =>
    parsed.ok && fits(parsed.value.answer) ? [{ chain, ...parsed.value }] : [],
  );
  for (const candidate of newestFirst(fitting.filter(({ answer }) => inDate(answer, at)).slice(0, MAX_CANDIDATES))) {
    const checked = checkAnswer(candidate, rules);
    if (checked.checks.every((check) => check.passed)) return { answer: candidate.answer, ...checked };
  }
  const [newest] = newestFirst(fitting);
  if (newest !== undefined) return { answer: newest.answer, ...checkAnswer(newest, rules) };
  const got = read.map(({ parsed }) => (parsed.ok ? `for ${subject(parsed.value.answer)}` : parsed.error.detail));
  return {
    answer: null,
    signer: null,
    checks: [invalid(label, false, [...new Set(got)].slice(0, 8).join('; '), want)],
  };
}

const newestFirst = <C extends { readonly answer: AnswerDates }>(candidates: readonly C[]): C[] =>
  candidates.toSorted(
    ({ answer: a }, { answer: b }) => b.evaluationDataNumber - a.evaluationDataNumber || b.issueDate - a.issueDate,
  );

const inDate = ({ issueDate, nextUpdate }: AnswerDates, at: number): boolean => issueDate <= at && at <= nextUpdate;

interface Candidate extends SignedAnswer<AnswerDates> {
  readonly chain: readonly Uint8Array[];
}

function checkAnswer(
  { signed, answer, chain }: Candidate,
  rules: Pick<AnswerRules<AnswerDates>, 'label' | 'pool' | 'roots' | 'at'>,
): Omit<ChosenAnswer<never>, 'answer'> {
  const { label, at } = rules;
  const best = bestSigner(utf8(signed.raw), signed.signature, certificatesOf(chain), rules);
  const dates = invalid(
    `${label} dates`,
    inDate(answer, at),
    `issued ${iso(answer.issueDate)}, next ${iso(answer.nextUpdate)}`,
    `valid at ${iso(at)}`,
  );
  if (best === undefined) {
    const want = `the certificate ${SIGNER_NAME}`;
    return { signer: null, checks: [missingCheck(`${label} signing certificate`, want), dates] };
  }
  return {
    signer: best.signer,
    checks: [
      invalid(
        `${label} signature`,
        best.holds,
        best.holds ? 'valid' : 'not signed by the signing certificate',
        'a signature over the exact bytes',
      ),
      invalid(
        `${label} signing chain`,
        best.faults.length === 0,
        best.faults.length === 0 ? 'valid' : best.faults.join('; '),
        `${SIGNER_NAME}, issued by the pinned root, valid at ${iso(at)}`,
      ),
      dates,
    ],
  };
}

interface JudgedSigner {
  readonly signer: Certificate;
  readonly holds: boolean;
  readonly faults: readonly string[];
}

/** The first of the item's own chain, then the others that bear the signer's name: one without fault, or the least bad. */
function bestSigner(
  signed: Uint8Array,
  signature: Uint8Array,
  own: readonly Certificate[],
  rules: Pick<AnswerRules<AnswerDates>, 'label' | 'pool' | 'roots' | 'at'>,
): JudgedSigner | undefined {
  const signers = new Map(
    [...own.slice(0, 1), ...rules.pool.filter(isNamedSigner).slice(0, MAX_NAMESAKES)].map((one) => [
      one.fingerprint,
      one,
    ]),
  );
  const judged: JudgedSigner[] = [];
  for (const signer of signers.values()) {
    const holds = rawSignatureHolds('sha256', signed, signature, signer.publicKey);
    const one = { signer, holds, faults: signerFaults(signer, own, rules) };
    if (holds && one.faults.length === 0) return one;
    judged.push(one);
  }
  return judged.sort((a, b) => Number(b.holds) - Number(a.holds) || a.faults.length - b.faults.length)[0];
}

/** Intel has no other keys, and others take longer. */
const isOfIntel = ({ publicKey }: Certificate): boolean => publicKey?.asymmetricKeyDetails?.namedCurve === CURVE;

const isNamedSigner = ({ subjectCommonName }: Certificate): boolean => subjectCommonName === SIGNER_NAME;

/** Intel has certified the same key more than once, so that the certificate in date has to be found. */
function signerFaults(
  signer: Certificate,
  own: readonly Certificate[],
  { label, pool, roots, at }: Pick<AnswerRules<AnswerDates>, 'label' | 'pool' | 'roots' | 'at'>,
): string[] {
  const path = checkChain(pathFrom(signer, [...own, ...pool].filter(isOfIntel)), { roots, at, label });
  const faults = path.filter((check) => !check.passed).map(({ got }) => got);
  return isNamedSigner(signer) ? faults : [...faults, `the signer is ${signer.subjectCommonName}`];
}

const invalid = (name: string, holds: boolean, got: string, want: string): Check => ({
  name,
  code: 'E-ATTEST-COLLATERAL-INVALID',
  passed: holds,
  got,
  want,
});

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
