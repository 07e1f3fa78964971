import { createHash } from 'node:crypto';
import { encodeCbor, type CborValue } from '../../core/cbor.ts';
import { refusal, type Refusal } from '../../core/errors.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { EVIDENCE_FORMATS, type EvidenceFormat } from '../evidence-claims.ts';
import { PLATFORMS, type AnySectionValues } from '../platforms.ts';
import {
  choice,
  choices,
  fallbackOf,
  flag,
  readSection,
  section,
  wholeNumber,
  type SectionValues,
} from './policy-section.ts';

export const POLICY_FORMAT = 'consilium/attestation-policy/v1';

const common = section('policy', 'Keys for every platform.', {
  platforms: choices(EVIDENCE_FORMATS, {
    about:
      'Platforms whose evidence may be accepted. A platform in this list without a section is held to its defaults.',
    fallback: [],
    otherwise: 'the platforms that have a section',
    example: '[nitro, tdx]',
  }),
  revocation: choice<'required' | 'accept-absent'>(['required', 'accept-absent'], {
    about:
      'What holds where a vendor offers revocation data and none was given: `required` makes the verdict inconclusive, ' +
      '`accept-absent` allows a positive one that says *revocation: not available*. Data that is given is always checked.',
    fallback: 'required',
    otherwise: 'required',
    example: 'accept-absent',
  }),
  maxCollateralAgeDays: wholeNumber<number | null>(1, 3650, {
    about:
      'How long ago revocation lists and signed answers that the verdict needs may have been issued. Intel issues the ' +
      'list of its root once a year, the others every month.',
    fallback: null,
    otherwise: 'as long as they are valid',
    example: '30',
  }),
  anyProgram: flag({
    about:
      'Accept evidence although the policy gives no reference value for the program: no measurement, no signer. What ' +
      'runs there is then unknown.',
    fallback: false,
    otherwise: 'false',
    example: 'true',
  }),
  simulation: flag({
    about: 'Accept programs that run with debugging, for trials: such evidence protects nothing.',
    fallback: false,
    otherwise: 'false',
    example: 'false',
  }),
});

/** An appraisal policy (RFC 9334 §8.5) that was read and is complete: every key has a value. */
export interface Policy extends SectionValues<typeof common.keys> {
  /** `sha256:` and the digest of the document's deterministic CBOR: what results say they were appraised with. */
  readonly id: string;
  /** By platform; null: no section was given, and the platform's defaults hold. */
  readonly sections: Readonly<Record<EvidenceFormat, AnySectionValues>>;
}

/** Reads a policy document (from YAML or JSON). Every bad key is one E-POLICY-INVALID that names its path. */
export function readPolicy(value: unknown): Result<Policy, readonly [Refusal, ...Refusal[]]> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return invalid('not a mapping of keys to values');
  const { format, ...rest } = value as Readonly<Record<string, unknown>>;
  const given = PLATFORMS.filter((one) => Object.hasOwn(rest, one.format));
  const commonKeys = Object.entries(rest).filter(([key]) => !given.some((one) => one.format === key));
  const top = readSection(common, Object.fromEntries(commonKeys));
  const sections = PLATFORMS.map(({ format: name, policy }) => ({
    name,
    values: given.some((one) => one.format === name) ? readSection(policy, rest[name]) : ok(fallbackOf(policy)),
  }));
  const faults = [
    ...(format === POLICY_FORMAT ? [] : [`format: want ${POLICY_FORMAT}`]),
    ...(top.ok ? [] : top.error.map((fault) => fault.replace(/^policy\./, ''))),
    ...sections.flatMap(({ values }) => (values.ok ? [] : values.error)),
  ];
  if (!top.ok || faults.length > 0) return invalid(...faults);
  return ok({
    ...top.value,
    platforms: top.value.platforms.length > 0 ? top.value.platforms : given.map((one) => one.format),
    id: `sha256:${createHash('sha256')
      .update(encodeCbor(plain(value)))
      .digest('hex')}`,
    sections: Object.fromEntries(
      sections.flatMap(({ name, values }) => (values.ok ? [[name, values.value] as const] : [])),
    ) as Policy['sections'],
  });
}

function invalid(...faults: readonly string[]): Result<never, readonly [Refusal, ...Refusal[]]> {
  const [first = '', ...others] = faults;
  return err([refusal('E-POLICY-INVALID', first), ...others.map((fault) => refusal('E-POLICY-INVALID', fault))]);
}

const plain = (value: object): CborValue => JSON.parse(JSON.stringify(value)) as CborValue;

export interface DocumentedKey {
  /** `revocation`, `nitro.pcrs` */
  readonly path: string;
  readonly about: string;
  readonly accepts: string;
  /** What holds when the key is left out. */
  readonly otherwise: string;
  readonly example: string;
}

export interface DocumentedSection {
  /** Null: the keys for every platform. */
  readonly format: EvidenceFormat | null;
  readonly about: string;
  readonly keys: readonly DocumentedKey[];
}

/** Every key there is, for documentation and `consilium attest policy explain`. */
export const documentPolicy = (): readonly DocumentedSection[] => [
  { format: null, about: common.about, keys: documentKeys('', common.keys) },
  ...PLATFORMS.map(({ format, policy }) => ({
    format,
    about: policy.about,
    keys: documentKeys(`${format}.`, policy.keys),
  })),
];

const documentKeys = (
  prefix: string,
  keys: Readonly<Record<string, Omit<DocumentedKey, 'path'>>>,
): readonly DocumentedKey[] =>
  Object.entries(keys).map(([name, { about, accepts, otherwise, example }]) => ({
    path: `${prefix}${name}`,
    about,
    accepts,
    otherwise,
    example,
  }));
