import { toHex } from '../../core/bytes.ts';
import type { Check } from '../attestation-result.ts';
import { authentication, type Authentication, type AuthenticationInputs } from '../authentication.ts';
import { oneOf } from '../dcap/dcap-policy.ts';
import { isTdReport } from '../dcap/quote.ts';
import { replay, type MeasuredEvent } from '../event-log/measured-event.ts';
import { textMember, jsonObject, textOf } from '../formats/encoded-text.ts';
import type { ParsedField } from '../parsed-field.ts';
import type { PlatformModule } from '../platform-module.ts';
import { hexStrings, section, texts, type SectionValues } from '../policy/policy-section.ts';
import { TDX_POLICY } from '../tdx/tdx-policy.ts';
import { tdx, type TdxClaims } from '../tdx/tdx.ts';
import { looksLikeDstack, parseDstack, RUNTIME_REGISTER, type DstackEvidence } from './dstack-evidence.ts';

/** What an authentic dstack guest says, besides its TDX quote. Hexadecimal; null: its log has no such event. */
export interface DstackClaims extends Omit<TdxClaims, 'format'> {
  readonly format: 'dstack';
  readonly appId: string | null;
  readonly composeHash: string | null;
  readonly appInstanceId: string | null;
  readonly osImageHash: string | null;
  /** Name and id of who gives the application its keys. */
  readonly keyProvider: { readonly name: string; readonly id: string } | null;
  /** Registers that the log replays to; the others must be compared as values. */
  readonly replayedRegisters: readonly number[];
}

/** After the first of these that the log has, RTMR3 is the application's to extend with names of its own. */
const SYSTEM_ENDS = ['system-ready', 'boot-mr-done'];

const DSTACK_POLICY = section(
  'dstack',
  'dstack guests on Intel TDX: every key of the tdx section, and rules over the events in RTMR3. A program is named only by `mrTds` and `rtmr0` to `rtmr2`, the firmware and system that write these events, together with `composeHashes`, `appIds` or `rtmr3`.',
  {
    appIds: hexStrings(20, {
      about: 'Application id: the first 20 bytes of the hash of the first compose file, kept over upgrades.',
      fallback: null,
      otherwise: 'any',
      example: '[3763bc34552cf3a27ff71ad5f7a90471562a1a2d]',
    }),
    composeHashes: hexStrings(32, {
      about: 'SHA-256 of the application: app-compose.json with its images and scripts.',
      fallback: null,
      otherwise: 'any',
      example: '[3763bc34552cf3a27ff71ad5f7a90471562a1a2df552dfc1998cba2d60da27e7]',
    }),
    appInstanceIds: hexStrings(20, {
      about: 'Instance of the application, not of the machine.',
      fallback: null,
      otherwise: 'any',
      example: '[c3714eb66990eace777b4e664c16e09375dec4c9]',
    }),
    osImageHashes: hexStrings(32, {
      about: "The operating system image, by the guest's own account: compare RTMR0 to RTMR2 to be sure of it.",
      fallback: null,
      otherwise: 'any',
      example: '[14ad42d0270b444eaeb53918a5a94d9b17eec7a817cd336173b17c5327541c67]',
    }),
    keyProviders: texts({
      about: 'Who may give the application its keys: ids of key providers (a KMS key in hexadecimal, or an MRENCLAVE).',
      fallback: null,
      otherwise: 'any',
      example: '[1b7a49378403249b6986a907844cab0921eca32dd47e657f3c10311ccaeccf8b]',
    }),
    ...TDX_POLICY.keys,
  },
);

/** dstack guests on Intel TDX: a quote, and an event log that replays into RTMR3 (PROTOCOL §5). */
export const dstack: PlatformModule<DstackEvidence, DstackClaims, typeof DSTACK_POLICY.keys> = {
  format: 'dstack',
  recognises: looksLikeDstack,
  parse: parseDstack,
  fields: ({ quote, events }) => [
    ...tdx.fields(quote).map((field) => ({ ...field, name: `quote.${field.name}`, offset: null })),
    ...events.map(eventField),
  ],
  authenticate: authenticateDstack,
  policy: DSTACK_POLICY,
  appraise: appraiseDstack,
};

const eventField = (
  { register, type, name, digest, content, contentBound }: MeasuredEvent,
  index: number,
): ParsedField => ({
  name: `event${index}.rtmr${register}`,
  offset: null,
  value: toHex(digest),
  meaning: `${name === '' ? `type 0x${type.toString(16)}` : name}, ${content.length} bytes${contentBound ? '' : ', content not covered by the digest'}`,
});

function authenticateDstack(parsed: DstackEvidence, inputs: AuthenticationInputs): Authentication<DstackClaims> {
  const { quote, events, altered } = parsed;
  const { claims, checks } = tdx.authenticate(quote, inputs);
  const registers = isTdReport(quote.body) ? quote.body.rtmr.map(toHex) : [];
  const replayed = replay(events).map(toHex);
  const same = replayed.flatMap((value, index) => (value === registers[index] ? [index] : []));
  const system = systemEvents(events);
  const names = system.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  // The digest is over `:name:payload`: a name with a colon could be another event's, with a part of its payload.
  const unclear = [...twice, ...names.filter((name) => name.includes(':'))];
  const all: Check[] = [
    ...checks,
    mismatch('event log of RTMR3', same.includes(RUNTIME_REGISTER), replayed[3] ?? '', registers[3] ?? ''),
    mismatch(
      'event contents',
      altered.length === 0,
      `changed: ${altered.slice(0, 8).join(', ')}`,
      'digests of their contents',
    ),
    mismatch(
      'system events',
      unclear.length === 0,
      `more than once, or with a colon: ${unclear.slice(0, 8).join(', ')}`,
      'each once, under a plain name',
    ),
  ];
  if (claims === null) return { claims: null, checks: all };
  const said = systemClaims(system);
  const { keyProvider, appId, composeHash, appInstanceId, osImageHash } = said;
  const details = { ...claims.details, appId, composeHash, appInstanceId, osImageHash, replayedRegisters: same };
  return authentication(
    {
      ...claims,
      ...said,
      format: 'dstack',
      replayedRegisters: same,
      details: { ...details, keyProvider: keyProvider === null ? null : { ...keyProvider } },
    },
    all,
  );
}

/** What dstack itself recorded before the application started, and whose content its digest commits to. */
function systemEvents(events: readonly MeasuredEvent[]): MeasuredEvent[] {
  const runtime = events.filter(
    ({ register, name, contentBound }) => register === RUNTIME_REGISTER && name !== '' && contentBound,
  );
  const ends = SYSTEM_ENDS.map((end) => runtime.findIndex(({ name }) => name === end)).filter((index) => index >= 0);
  return runtime.slice(0, ends[0] ?? 0);
}

function systemClaims(
  system: readonly MeasuredEvent[],
): Pick<DstackClaims, 'appId' | 'composeHash' | 'appInstanceId' | 'osImageHash' | 'keyProvider'> {
  const content = (name: string): Uint8Array | null => system.find((event) => event.name === name)?.content ?? null;
  const hex = (name: string): string | null => {
    const bytes = content(name);
    return bytes === null ? null : toHex(bytes);
  };
  const provider = jsonObject(textOf(content('key-provider') ?? new Uint8Array()) ?? '');
  return {
    appId: hex('app-id'),
    composeHash: hex('compose-hash'),
    appInstanceId: hex('instance-id'),
    osImageHash: hex('os-image-hash'),
    keyProvider:
      provider === null ? null : { name: textMember(provider, 'name') ?? '', id: textMember(provider, 'id') ?? '' },
  };
}

function appraiseDstack(claims: DstackClaims, policy: SectionValues<typeof DSTACK_POLICY.keys>, at: number): Check[] {
  const measured = (name: string, value: string | null, want: readonly string[] | null): Check[] =>
    oneOf(name, 'E-ATTEST-MEASUREMENT', value === null ? [] : [value], want);
  const checks = [
    ...measured('app id', claims.appId, policy.appIds),
    ...measured('compose hash', claims.composeHash, policy.composeHashes),
    ...measured('app instance id', claims.appInstanceId, policy.appInstanceIds),
    ...measured('OS image hash', claims.osImageHash, policy.osImageHashes),
    ...measured('key provider', claims.keyProvider?.id ?? null, policy.keyProviders),
    ...tdx.appraise({ ...claims, format: 'tdx' }, policy, at),
  ];
  if (namesProgram(policy)) return checks;
  return checks.map((check) => (check.code === 'E-ATTEST-MEASUREMENT' ? { ...check, code: 'E-ATTEST-POLICY' } : check));
}

/**
 * Firmware and system write the events, and the system runs whatever application it is given: each names a program only
 * together with the other.
 */
const namesProgram = (policy: SectionValues<typeof DSTACK_POLICY.keys>): boolean => {
  const { mrTds, rtmr0, rtmr1, rtmr2, rtmr3, appIds, composeHashes } = policy;
  const system = [mrTds, rtmr0, rtmr1, rtmr2].every((values) => values !== null);
  return system && [rtmr3, appIds, composeHashes].some((values) => values !== null);
};

const mismatch = (name: string, holds: boolean, got: string, want: string): Check => ({
  name,
  code: 'E-ATTEST-MISMATCH',
  passed: holds,
  got: holds ? 'as it should be' : got,
  want,
});
