import { compareBytes, concatBytes, toHex } from '../core/bytes.ts';
import { encodeCbor, type CborValue } from '../core/cbor.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { ClaimValue } from './evidence-claims.ts';
import type { EvidenceVerdict } from './verify-evidence.ts';

/** Profile of draft-ietf-rats-ear-04, which is still a draft: names and numbers are those of this edition. */
const PROFILE = 'tag:ietf.org,2026:rats/ear#04';
const DEVELOPER = 'consilium';

/** Trustworthiness tiers (draft-ietf-rats-ar4si §3.2). */
const TIER = { none: 0, affirming: 2, warning: 32, contraindicated: 96 } as const;
type Tier = keyof typeof TIER;

/** Labels of the trustworthiness vector in CBOR, by their JSON names (draft-ietf-rats-ar4si). */
const VECTOR_LABEL = {
  'instance-identity': 0,
  configuration: 1,
  executables: 2,
  'file-system': 3,
  hardware: 4,
  'runtime-opaque': 5,
  'storage-opaque': 6,
  'sourced-data': 7,
} as const;
type Vector = Readonly<Partial<Record<keyof typeof VECTOR_LABEL, number>>>;

/** Values of draft-ietf-rats-ar4si §2.3: recognised and well, and what each kind of failure amounts to. */
const GOOD = 2;
const CRYPTOGRAPHY_FAILED = 99;
const UNKNOWN_ROOT: Vector = { hardware: 97 };
const REVOKED: Vector = { 'instance-identity': 96, hardware: 96 };
const EVERYWHERE: Vector = {
  'instance-identity': CRYPTOGRAPHY_FAILED,
  configuration: CRYPTOGRAPHY_FAILED,
  executables: CRYPTOGRAPHY_FAILED,
  hardware: CRYPTOGRAPHY_FAILED,
  'runtime-opaque': CRYPTOGRAPHY_FAILED,
};
const FAILURES: Readonly<Partial<Record<ErrorCode, Vector>>> = {
  'E-ATTEST-REVOKED': REVOKED,
  'E-ATTEST-TCB': { hardware: 32 },
  'E-ATTEST-MEASUREMENT': { executables: 33 },
  'E-ATTEST-SVN': { executables: 32 },
  'E-ATTEST-INSTANCE': { 'instance-identity': 97 },
  'E-ATTEST-PLATFORM': { hardware: 97 },
  'E-ATTEST-DEBUG': { configuration: 96, 'runtime-opaque': 96 },
  'E-ATTEST-POLICY': { configuration: 32 },
};
/** Debugging that the policy accepts is still not affirmed. */
const SIMULATION: Vector = { configuration: 32, 'runtime-opaque': 32 };

/** CWT labels: RFC 9711 for the first four, draft-ietf-rats-ear §9 for the others, then our own private one. */
const LABEL = {
  iat: 6,
  eat_nonce: 10,
  eat_profile: 265,
  submods: 266,
  ear_status: 1000,
  ear_trustworthiness_vector: 1001,
  ear_appraisal_policy_ids: 1003,
  ear_verifier_id: 1004,
  consilium_appraisal: -75_001,
} as const;
const VERIFIER_LABEL = { developer: 0, build: 1 } as const;
const NONCE_BYTES = { least: 8, most: 64 };

/** Our private extension: everything that the verdict rests on. */
interface Appraisal {
  readonly outcome: EvidenceVerdict['outcome'];
  /** RFC 3339, UTC, to the millisecond. */
  readonly at: string;
  readonly simulation: boolean;
  readonly checks: readonly { readonly [name: string]: string | boolean }[];
  readonly claims: { readonly [name: string]: ClaimValue } | null;
}

/** An EAT Attestation Result for one attester, unsigned (draft-ietf-rats-ear §3), in its JSON form. */
export interface EarJson {
  readonly eat_profile: string;
  /** Seconds since 1970. */
  readonly iat: number;
  readonly ear_verifier_id: { readonly developer: string; readonly build: string };
  /** One, by the format of the evidence; `unknown` where nothing recognised it. */
  readonly submods: Readonly<Record<string, EarSubmodule>>;
}

interface EarSubmodule {
  readonly ear_status: Tier;
  readonly ear_trustworthiness_vector: Vector;
  readonly ear_appraisal_policy_ids?: readonly string[];
  /** Base64url of the nonce in the evidence, where it has 8 to 64 bytes. */
  readonly eat_nonce?: string;
  readonly consilium_appraisal: Appraisal;
}

/** `build` names the version of the verifier. */
export function earJson(verdict: EvidenceVerdict, build: string): EarJson {
  const { claims, policyId } = verdict;
  const vector = vectorOf(verdict);
  const nonce = claims?.nonce ?? null;
  const echoed = nonce !== null && nonce.length >= NONCE_BYTES.least && nonce.length <= NONCE_BYTES.most;
  return {
    eat_profile: PROFILE,
    iat: Math.floor(verdict.at / 1000),
    ear_verifier_id: { developer: DEVELOPER, build },
    submods: {
      [verdict.format ?? 'unknown']: {
        ear_status: statusOf(verdict, vector),
        ear_trustworthiness_vector: vector,
        ...(policyId === null ? {} : { ear_appraisal_policy_ids: [policyId] }),
        ...(echoed ? { eat_nonce: Buffer.from(nonce).toString('base64url') } : {}),
        consilium_appraisal: appraisalOf(verdict),
      },
    },
  };
}

/** The same as deterministic CBOR (RFC 8949 §4.2.1) with the labels of the draft; unsigned, as the JSON. */
export function earCbor(verdict: EvidenceVerdict, build: string): Uint8Array {
  const { eat_profile, iat, ear_verifier_id, submods } = earJson(verdict, build);
  const [[format, submodule]] = Object.entries(submods) as [[string, EarSubmodule]];
  const { ear_status, ear_trustworthiness_vector, ear_appraisal_policy_ids, eat_nonce, consilium_appraisal } =
    submodule;
  const fields: Field[] = [
    [LABEL.ear_status, encodeCbor(TIER[ear_status])],
    [LABEL.ear_trustworthiness_vector, labelled(ear_trustworthiness_vector, VECTOR_LABEL)],
    [LABEL.consilium_appraisal, encodeCbor(consilium_appraisal as unknown as CborValue)],
  ];
  if (ear_appraisal_policy_ids !== undefined) {
    fields.push([LABEL.ear_appraisal_policy_ids, encodeCbor(ear_appraisal_policy_ids)]);
  }
  if (eat_nonce !== undefined) {
    fields.push([LABEL.eat_nonce, encodeCbor(new Uint8Array(Buffer.from(eat_nonce, 'base64url')))]);
  }
  return cborMap([
    [LABEL.eat_profile, encodeCbor(eat_profile)],
    [LABEL.iat, encodeCbor(iat)],
    [LABEL.ear_verifier_id, labelled(ear_verifier_id, VERIFIER_LABEL)],
    [LABEL.submods, cborMap([[format, cborMap(fields)]])],
  ]);
}

type Field = readonly [key: number | string, value: Uint8Array];

/** At most 23 fields, which is more than any map here has. */
function cborMap(fields: readonly Field[]): Uint8Array {
  const entries = fields.map(([key, value]) => ({ key: encodeCbor(key), value }));
  entries.sort((a, b) => compareBytes(a.key, b.key));
  return concatBytes(Uint8Array.of(0xa0 | entries.length), ...entries.flatMap(({ key, value }) => [key, value]));
}

const labelled = (
  map: Readonly<Record<string, number | string>>,
  labels: Readonly<Record<string, number>>,
): Uint8Array => cborMap(Object.entries(map).map(([name, value]) => [labels[name] ?? name, encodeCbor(value)]));

/** What is not in the vector is not claimed. */
function vectorOf({ outcome, checks, claims, simulation }: EvidenceVerdict): Vector {
  const failed = checks.filter(({ passed, missing }) => !passed && missing !== true);
  const broken = failed.filter(({ code }) => FAILURES[code] === undefined);
  const rootOnly = broken.length > 0 && broken.every(({ name }) => name.endsWith(' root'));
  if (rootOnly) return UNKNOWN_ROOT;
  if (broken.length > 0) return EVERYWHERE;
  const genuine: Vector =
    claims === null || outcome === 'inconclusive' ? {} : { 'instance-identity': GOOD, hardware: GOOD };
  const appraised: Vector =
    claims === null || outcome === 'not-appraised' || outcome === 'inconclusive'
      ? {}
      : { configuration: GOOD, executables: GOOD, 'runtime-opaque': GOOD };
  const parts = [
    genuine,
    appraised,
    ...(simulation ? [SIMULATION] : []),
    ...failed.map(({ code }) => FAILURES[code] ?? {}),
  ];
  const worst: Partial<Record<keyof typeof VECTOR_LABEL, number>> = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part) as [keyof typeof VECTOR_LABEL, number][]) {
      worst[name] = Math.max(worst[name] ?? 0, value);
    }
  }
  // A vector must not be empty; none is what an inconclusive verdict says about the hardware.
  return Object.keys(worst).length === 0 ? { hardware: 0 } : worst;
}

/** Never of higher trust than the worst part of the vector, nor than the outcome. */
function statusOf({ outcome }: EvidenceVerdict, vector: Vector): Tier {
  if (outcome === 'refused' || outcome === 'not-authentic') return 'contraindicated';
  if (outcome !== 'affirming') return 'none';
  return Math.max(...Object.values(vector)) >= TIER.warning ? 'warning' : 'affirming';
}

function appraisalOf({ outcome, at, simulation, checks, claims }: EvidenceVerdict): Appraisal {
  return {
    outcome,
    at: new Date(at).toISOString(),
    simulation,
    checks: checks.map(({ name, code, passed, missing, got, want }) => ({
      name,
      result: passed ? 'passed' : missing === true ? 'missing' : 'failed',
      code,
      got,
      want,
    })),
    claims:
      claims === null
        ? null
        : {
            format: claims.format,
            measurements: claims.measurements,
            reportData: hexOrNull(claims.reportData),
            nonce: hexOrNull(claims.nonce),
            instance: claims.instance,
            debug: claims.debug,
            issuedAt: claims.issuedAt === null ? null : new Date(claims.issuedAt).toISOString(),
            details: claims.details,
          },
  };
}

const hexOrNull = (bytes: Uint8Array | null): string | null => (bytes === null ? null : toHex(bytes));
