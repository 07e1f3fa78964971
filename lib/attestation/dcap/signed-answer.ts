import { utf8 } from '../../core/bytes.ts';
import type { Check } from '../attestation-result.ts';
import { missingCheck } from '../authentication.ts';
import { total } from '../formats/malformed.ts';
import type { Certificate } from '../x509/certificate.ts';
import { checkChain } from '../x509/check-chain.ts';
import { rawSignatureHolds } from '../x509/signature-algorithm.ts';
import { certificatesOf, pathFrom } from './certificate-pool.ts';
import { readSignedJson, type JsonObject, type SignedJson } from './intel-json.ts';
import type { AnswerDates } from './tcb-info.ts';

const SIGNER_NAME = 'Intel SGX TCB Signing';

export interface AnswerRules<T extends AnswerDates> {
  /** Name of its checks: `TCB info`. */
  readonly label: string;
  /** Member of the answer that is signed: `tcbInfo`. */
  readonly member: string;
  readonly read: (value: JsonObject) => T;
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
  const { label, items, want, fits, subject } = rules;
  if (items.length === 0) return { answer: null, signer: null, checks: [missingCheck(label, want)] };
  const read = items.map(({ text, chain }) => ({
    chain,
    parsed: total(label, () => {
      const signed = readSignedJson(text, rules.member);
      return { signed, answer: rules.read(signed.value) };
    }),
  }));
  const candidates = read
    .flatMap(({ chain, parsed }) => (parsed.ok && fits(parsed.value.answer) ? [{ chain, ...parsed.value }] : []))
    .map((candidate) => ({ ...candidate, ...checkAnswer(candidate, rules) }))
    .sort(
      (a, b) =>
        Number(passed(b.checks)) - Number(passed(a.checks)) ||
        b.answer.evaluationDataNumber - a.answer.evaluationDataNumber ||
        b.answer.issueDate - a.answer.issueDate,
    );
  const [best] = candidates;
  if (best !== undefined) return { answer: best.answer, signer: best.signer, checks: best.checks };
  const got = read.map(({ parsed }) => (parsed.ok ? `for ${subject(parsed.value.answer)}` : parsed.error.detail));
  return {
    answer: null,
    signer: null,
    checks: [invalid(label, false, [...new Set(got)].slice(0, 8).join('; '), want)],
  };
}

interface Candidate {
  readonly signed: SignedJson;
  readonly answer: AnswerDates;
  readonly chain: readonly Uint8Array[];
}

function checkAnswer(
  { signed, answer, chain }: Candidate,
  rules: Pick<AnswerRules<AnswerDates>, 'label' | 'pool' | 'roots' | 'at'>,
): Omit<ChosenAnswer<never>, 'answer'> {
  const { label, at } = rules;
  const own = certificatesOf(chain);
  const holds = ({ publicKey }: Certificate): boolean =>
    rawSignatureHolds('sha256', utf8(signed.raw), signed.signature, publicKey);
  const [first] = own;
  const others = rules.pool.filter((one) => isNamedSigner(one) && one.fingerprint !== first?.fingerprint);
  const [best] = [...(first === undefined ? [] : [first]), ...others]
    .map((signer) => ({ signer, holds: holds(signer), faults: signerFaults(signer, own, rules) }))
    .sort((a, b) => Number(b.holds) - Number(a.holds) || a.faults.length - b.faults.length);
  const dates = invalid(
    `${label} dates`,
    answer.issueDate <= at && at <= answer.nextUpdate,
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

const isNamedSigner = ({ subjectCommonName }: Certificate): boolean => subjectCommonName === SIGNER_NAME;

/** Intel has certified the same key more than once, so that the certificate in date has to be found. */
function signerFaults(
  signer: Certificate,
  own: readonly Certificate[],
  { label, pool, roots, at }: Pick<AnswerRules<AnswerDates>, 'label' | 'pool' | 'roots' | 'at'>,
): string[] {
  const path = checkChain(pathFrom(signer, [...own, ...pool]), { roots, at, label });
  const faults = path.filter((check) => !check.passed).map(({ got }) => got);
  return isNamedSigner(signer) ? faults : [...faults, `the signer is ${signer.subjectCommonName}`];
}

const passed = (checks: readonly Check[]): boolean => checks.every((check) => check.passed);

const invalid = (name: string, holds: boolean, got: string, want: string): Check => ({
  name,
  code: 'E-ATTEST-COLLATERAL-INVALID',
  passed: holds,
  got,
  want,
});

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
