import { err, ok, type Result } from '../../core/result.ts';
import {
  choices,
  flag,
  hexOf,
  hexStrings,
  list,
  section,
  wholeNumber,
  wholeNumbers,
  type PolicyKey,
  type SectionValues,
} from '../policy/policy-section.ts';
import { PRODUCTS, PRODUCT_LINES, TCB_LAYOUT, productOf, type ProductLine, type Tcb } from './product.ts';
import type { FirmwareVersion } from './report.ts';

/** Least security versions by product line; a line that is absent has no minimum. */
export type TcbMinima = Readonly<Partial<Record<ProductLine, Tcb>>>;

const tcbMinima = (about: string): PolicyKey<TcbMinima> => ({
  about,
  accepts:
    'a mapping from milan, genoa, bergamo-siena or turin to whole numbers from 0 to 255 for bootloader, tee, snp, microcode (turin: also fmc)',
  fallback: {},
  otherwise: 'any',
  example: '{ genoa: { bootloader: 10, snp: 23, microcode: 84 } }',
  read: (value) =>
    mapping(value, PRODUCT_LINES, (versions, line) => mapping(versions, componentsOf(line), readVersion)),
});

function componentsOf(line: ProductLine): string[] {
  return TCB_LAYOUT[productOf(line)].flatMap(({ component }) => (component === null ? [] : [component]));
}

const readVersion = (value: unknown): Result<number, string> =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255
    ? ok(value as number)
    : err('not a whole number from 0 to 255');

/** A mapping whose keys are among `names`; an empty one is refused, since it asks for nothing. */
function mapping<K extends string, T>(
  value: unknown,
  names: readonly K[],
  read: (item: unknown, name: K) => Result<T, string>,
): Result<Readonly<Partial<Record<K, T>>>, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return err('not a mapping');
  const out: Partial<Record<K, T>> = {};
  for (const [key, item] of Object.entries(value)) {
    const name = names.find((known) => known === key);
    if (name === undefined) return err(`${key} is not one of ${names.join(', ')}`);
    const result = read(item, name);
    if (!result.ok) return err(`${key}: ${result.error}`);
    out[name] = result.value;
  }
  return Object.keys(out).length === 0 ? err('an empty mapping asks for nothing: leave the key out') : ok(out);
}

const FIRMWARE = /^(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?$/;
const firmware: PolicyKey<FirmwareVersion | null> = {
  about:
    'Least version of the SEV-SNP firmware, as major.minor or major.minor.build. Both the running version and the committed one, below which the machine can no longer fall, must reach it.',
  accepts: 'a text such as 1.55 or 1.55.40',
  fallback: null,
  otherwise: 'any',
  example: "'1.55.40'",
  read: (value) => {
    const match = FIRMWARE.exec(typeof value === 'string' ? value : '');
    if (match === null) return err('not a version');
    const [, major = '', minor = '', build = '0'] = match;
    const version = { major: Number(major), minor: Number(minor), build: Number(build) };
    return Object.values(version).some((part) => part > 255) ? err('a part above 255') : ok(version);
  },
};

const chips: PolicyKey<readonly string[] | null> = {
  about:
    'The chips that may attest, by the hardware id in their VCEK certificate. Reports with a masked chip id are then refused.',
  accepts: 'a list of hexadecimal strings of 64 bytes, or 8 bytes for Turin',
  fallback: null,
  otherwise: 'any',
  example: "['59790fb1c39f35c1']",
  read: list((item) => {
    const short = hexOf(item, 8);
    return short.ok ? short : hexOf(item, 64);
  }),
};

export const MILAN_REASON =
  'the root secret of Milan chips can be read out by software (BadFuse, arXiv 2605.12990), after which reports with any security version can be forged for that chip';

/** The platform's part of the policy language (PROTOCOL §5). */
export const snpPolicy = section('sev-snp', 'Virtual machines on AMD EPYC processors (SEV-SNP).', {
  products: choices(PRODUCTS, {
    about: `Processor generations that may attest. Genoa includes Bergamo and Siena. Milan is off unless it is named: ${MILAN_REASON}. Name it only together with \`chips\` and a recorded decision to carry that risk.`,
    fallback: ['genoa', 'turin'],
    otherwise: '[genoa, turin]',
    example: '[genoa, turin]',
  }),
  minimumTcb: tcbMinima(
    'Least security versions that the machine signs with (reported). AMD publishes which versions mend which flaw (EntrySign, AMD-SB-3019: microcode; BadRAM, AMD-SB-3015: firmware).',
  ),
  minimumCommittedTcb: tcbMinima('Least security versions below which the machine can no longer fall (committed).'),
  minimumLaunchTcb: tcbMinima('Least security versions at the time when the virtual machine was launched.'),
  minimumFirmware: firmware,
  provisionalFirmware: flag({
    about:
      'Whether the machine may run firmware that it has not committed to, and could therefore leave for an older one.',
    fallback: false,
    otherwise: 'false',
    example: 'false',
  }),
  launchMitigations: wholeNumbers(0, 63, {
    about:
      'Bits of the mitigation vector that must have been on when the virtual machine was launched. Only reports of version 5 have one.',
    fallback: [],
    otherwise: 'none',
    example: '[0, 1]',
  }),
  currentMitigations: wholeNumbers(0, 63, {
    about: 'Bits of the mitigation vector that must be on now. Only reports of version 5 have one.',
    fallback: [],
    otherwise: 'none',
    example: '[0, 1]',
  }),
  aliasCheck: flag({
    about:
      'Whether the host must have searched its memory for aliases since the last restart (ALIAS_CHECK_COMPLETE, against BadRAM). Reports of version 2 cannot say so and are refused while this holds.',
    fallback: true,
    otherwise: 'true',
    example: 'true',
  }),
  migrationAgents: hexStrings(32, {
    about:
      'Report ids of the migration agents (REPORT_ID_MA) that the virtual machine may be bound to. Without this key no agent may be allowed at all: one could move the machine, memory included, elsewhere.',
    fallback: null,
    otherwise: 'no migration',
    example: "['abab…']",
  }),
  smt: flag({
    about: 'Whether the host may run two threads on one core, which eases side channels between neighbours.',
    fallback: true,
    otherwise: 'true',
    example: 'false',
  }),
  cxl: flag({
    about: 'Whether the virtual machine may be given CXL devices or memory.',
    fallback: false,
    otherwise: 'false',
    example: 'false',
  }),
  singleSocket: flag({
    about: 'Whether the virtual machine must demand to run on one processor socket only.',
    fallback: false,
    otherwise: 'false',
    example: 'true',
  }),
  ciphertextHiding: flag({
    about: 'Whether ciphertext hiding must be demanded by the virtual machine and switched on in the host.',
    fallback: false,
    otherwise: 'false',
    example: 'true',
  }),
  pageSwapDisabled: flag({
    about: 'Whether the virtual machine must forbid the host to swap its pages out.',
    fallback: false,
    otherwise: 'false',
    example: 'true',
  }),
  raplDisabled: flag({
    about: 'Whether power readings (RAPL) must be forbidden by the virtual machine and switched off in the host.',
    fallback: false,
    otherwise: 'false',
    example: 'true',
  }),
  vmpl: wholeNumbers(0, 3, {
    about:
      'Privilege levels that the report may come from. Level 0 is the most privileged; where a paravisor runs there (AWS, GCP), the reports of the guest come from level 1, and the paravisor must be trusted too.',
    fallback: [0],
    otherwise: '[0]',
    example: '[0]',
  }),
  measurements: hexStrings(48, {
    about: 'Launch measurements of the virtual machines that may attest (MEASUREMENT).',
    fallback: null,
    otherwise: 'any',
    example: "['5f5f…']",
  }),
  hostData: hexStrings(32, {
    about: 'Values that the host may have put in at launch (HOST_DATA), such as the hash of an initialisation file.',
    fallback: null,
    otherwise: 'any',
    example: "['0000…']",
  }),
  familyIds: hexStrings(16, {
    about: 'Values of FAMILY_ID from the signed ID block.',
    fallback: null,
    otherwise: 'any',
    example: "['0101…']",
  }),
  imageIds: hexStrings(16, {
    about: 'Values of IMAGE_ID from the signed ID block.',
    fallback: null,
    otherwise: 'any',
    example: "['0202…']",
  }),
  minimumGuestSvn: wholeNumber(0, 0xffff_ffff, {
    about: 'Least security version of the virtual machine itself (GUEST_SVN) from the signed ID block.',
    fallback: 0,
    otherwise: '0',
    example: '2',
  }),
  idKeys: hexStrings(48, {
    about: 'Digests of the keys that may have signed the ID block (ID_KEY_DIGEST).',
    fallback: null,
    otherwise: 'any',
    example: "['1d1d…']",
  }),
  authorKeys: hexStrings(48, {
    about:
      'Digests of the keys that may have certified the ID key (AUTHOR_KEY_DIGEST). The report must say that an author key was used.',
    fallback: null,
    otherwise: 'any',
    example: "['a0a0…']",
  }),
  chips,
});

export type SnpPolicy = SectionValues<(typeof snpPolicy)['keys']>;
