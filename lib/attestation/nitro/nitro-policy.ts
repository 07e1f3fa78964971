import { err, ok, type Result } from '../../core/result.ts';
import { hexOf, hexStrings, list, section, texts, wholeNumber, type PolicyKey } from '../policy/policy-section.ts';
import { PCR_BYTES } from './nitro-document.ts';

const DAY_SECONDS = 86_400;
const FIVE_MINUTES_SECONDS = 300;

/** Allowed values by register index, lower-case hexadecimal; null: any. */
type PcrValues = ReadonlyMap<number, readonly string[]> | null;

const pcrs: PolicyKey<PcrValues> = {
  about:
    'Values that a register may have, by its index. 0 is the whole image, 1 kernel and boot, 2 the application; ' +
    'what `nitro-cli build-enclave` prints; 0, or 1 with 2, or 8 names a program, the others do not. Registers that are not listed may have any value.',
  accepts: `a mapping of indexes 0 to 31 to a ${PCR_BYTES}-byte hexadecimal string or a list of them`,
  fallback: null,
  otherwise: 'any',
  example: `{ 0: [${'5c'.repeat(PCR_BYTES)}] }`,
  read: readPcrs,
};

function readPcrs(value: unknown): Result<PcrValues, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return err('not a mapping');
  const found = new Map<number, readonly string[]>();
  for (const [key, item] of Object.entries(value)) {
    if (!/^(?:\d|[12]\d|3[01])$/.test(key)) return err('an index is not 0 to 31');
    const values = list((one) => hexOf(one, PCR_BYTES))(typeof item === 'string' ? [item] : item);
    if (!values.ok) return err(`${key}: ${values.error}`);
    found.set(Number(key), values.value);
  }
  return found.size === 0 ? err('an empty mapping expects nothing: leave the key out') : ok(found);
}

const register = (about: string): PolicyKey<readonly string[] | null> =>
  hexStrings(PCR_BYTES, { about, fallback: null, otherwise: 'any', example: `[${'a1'.repeat(PCR_BYTES)}]` });

export const nitroPolicy = section('nitro', 'AWS Nitro Enclaves.', {
  pcrs,
  signers: register('PCR8: digests of certificates that may have signed the image; any version of theirs is accepted.'),
  iamRoles: register('PCR3: digests of the IAM roles that the parent instance may have.'),
  parentInstances: register('PCR4: digests of the ids of the parent instances that are allowed.'),
  moduleIds: texts({
    about: 'Enclaves or parent instances that are allowed, by id: the whole module id, or the part before `-enc`.',
    fallback: null,
    otherwise: 'any',
    example: '[i-0abc1234def567890]',
  }),
  maxAgeSeconds: wholeNumber(0, 36_500 * DAY_SECONDS, {
    about: 'How long before the moment of verification the document may have been made.',
    fallback: FIVE_MINUTES_SECONDS,
    otherwise: '300',
    example: '300',
  }),
  maxSkewSeconds: wholeNumber(0, DAY_SECONDS, {
    about: 'How far the clock of the enclave may be ahead of the moment of verification.',
    fallback: FIVE_MINUTES_SECONDS,
    otherwise: '300',
    example: '300',
  }),
});
