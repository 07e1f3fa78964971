import { acceptItems, EMPTY_STATE, encodeState } from '../../lib/attestation/collateral/collateral-state.ts';
import { ofKind, type Collateral } from '../../lib/attestation/collateral/collateral.ts';
import type { EvidenceFormat } from '../../lib/attestation/evidence-claims.ts';
import { decoded } from '../../lib/attestation/formats/encoded-text.ts';
import { documentPolicy, POLICY_FORMAT } from '../../lib/attestation/policy/policy.ts';
import { platformOf } from '../../lib/attestation/platforms.ts';
import { utf8 } from '../../lib/core/bytes.ts';
import { intelAuthority, intelCollateral, intelList, tdxQuote } from '../authorities/intel-authority.ts';
import { nvidiaAuthority } from '../authorities/nvidia-authority.ts';
import { vectorBytes, vectorFiles } from '../vectors/attestation/evidence-vectors.ts';
import { fakeSamples, realSamples, type PlatformSample } from '../vectors/attestation/platform-samples.ts';
import type { Seeds } from './mutations.ts';

const MAX_SEEDS = 48;
const MAX_SEED_BYTES = 96 * 1024;

export const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
};

/** Real evidence has what fakes have not (other makers, other versions), and fakes revocation data, which is never real. */
export const samples = once((): readonly PlatformSample[] => [...realSamples(), ...fakeSamples()]);
const collateral = once((): Collateral => samples().flatMap((sample) => sample.collateral));

export function some(bytes: readonly Uint8Array[]): Seeds {
  const distinct = [...new Map(bytes.map((one) => [Buffer.from(one).toString('base64'), one])).values()];
  const fitting = distinct.filter(({ length }) => length > 0 && length <= MAX_SEED_BYTES);
  const step = Math.max(1, fitting.length / MAX_SEEDS);
  const [first, ...others] = fitting.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
  if (first === undefined) throw new Error('nothing to mutate');
  return [first, ...others];
}

export const files = (folder: string, name: RegExp): Uint8Array[] => vectorFiles(folder, name).map(vectorBytes);
export const ofFormat = (...formats: readonly EvidenceFormat[]): Uint8Array[] =>
  samples().flatMap(({ format, bytes }) => (formats.includes(format) ? [bytes] : []));
/** Every vector that a platform recognises, and the samples. */
export const evidence = (folder: string, format: EvidenceFormat): Uint8Array[] => [
  ...ofFormat(format),
  ...files(folder, /./).filter(
    (bytes) => bytes.length <= MAX_SEED_BYTES && platformOf(format)?.recognises(bytes) === true,
  ),
];
export const ders = (kind: 'certificate' | 'revocation-list' | 'ocsp-response'): Uint8Array[] =>
  ofKind(collateral(), kind).map(({ der }) => der);
export const texts = (kind: 'intel-tcb-info' | 'intel-qe-identity' | 'rim'): Uint8Array[] =>
  ofKind(collateral(), kind).map(({ text }) => utf8(text));
export const intel = once(intelAuthority);

/** Every kind of collateral, few and small. */
export function bundleItems(): Collateral {
  const nvidia = nvidiaAuthority();
  const certificates = [intel().ca, intel().root].map(
    ({ certificate }) => ({ kind: 'certificate', der: certificate }) as const,
  );
  return [
    ...intelCollateral(intel(), 'tdx'),
    ...certificates,
    ...nvidia.rims().slice(0, 1),
    ...nvidia.answers().slice(0, 1),
  ];
}

export const state = once((): Uint8Array => {
  const accepted = acceptItems(
    EMPTY_STATE,
    [
      { kind: 'certificate', der: intel().ca.certificate },
      { kind: 'certificate', der: intel().root.certificate },
      intelList(intel(), intel().root),
    ],
    intel().roots,
  );
  if (!accepted.ok) throw new Error('the fake collateral is refused');
  return encodeState(accepted.value.state);
});

/** A policy with every documented key, and one for each platform. */
export function policies(): Uint8Array[] {
  const [common = {}, ...sections] = documentPolicy().map(({ format, keys }): Record<string, unknown> => {
    const values = Object.fromEntries(keys.map(({ path, example }) => [path.replace(/^.*\./, ''), exampleOf(example)]));
    return format === null ? values : { [format]: values };
  });
  const bodies = [Object.assign({}, common, ...sections) as object, ...sections];
  return bodies.map((one) => utf8(JSON.stringify({ format: POLICY_FORMAT, ...one })));
}

/** Examples are written as YAML flow; those that are JSON too are taken as they are, the others as words. */
function exampleOf(example: string): unknown {
  const quoted = example.replace(/([[{,:]\s*)([A-Za-z0-9][\w.:-]*)(?=\s*[\]},:])/g, '$1"$2"');
  try {
    return JSON.parse(quoted);
  } catch {
    return example;
  }
}

export function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as unknown;
  } catch {
    return undefined;
  }
}

interface AzureJson {
  readonly evidence?: AzureJson;
  readonly hcl_report?: string;
  readonly report?: string;
  readonly tpm_quote?: { readonly message?: string };
}

/** What the samples' JSON from Azure holds in one member. */
function inAzure(member: (parts: AzureJson) => string | undefined): Uint8Array[] {
  return ofFormat('azure').flatMap((bytes) => {
    const whole = json(bytes) as AzureJson;
    const value = member(whole.evidence ?? whole);
    return typeof value === 'string' ? [decoded(utf8(value))] : [];
  });
}
export const tpmQuotes = (): Uint8Array[] => inAzure((parts) => parts.tpm_quote?.message);
export const hclReports = (): Uint8Array[] => inAzure((parts) => parts.hcl_report ?? parts.report);

export const spdmReports = (): Uint8Array[] => [
  nvidiaAuthority().gpu().report,
  ...files('nvidia', /AttestationReport.*\.txt$|attestationReport\.txt$/).map(decoded),
];

/** A quote with an event log as the guest's agent writes them. */
export function dstackSeeds(): Uint8Array[] {
  const event = { imr: 3, event_type: 0x0800_0001, digest: '', event: 'app-id', event_payload: '00'.repeat(20) };
  const made = { quote: Buffer.from(tdxQuote(intel())).toString('hex'), event_log: JSON.stringify([event, event]) };
  return [utf8(JSON.stringify(made)), ...evidence('tdx', 'dstack')];
}

/** A firmware log of one event, by the TCG's layout. */
export function ccelLog(): Uint8Array {
  const number = (value: number): Buffer =>
    Buffer.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24);
  const specification = Buffer.concat([
    ...[Buffer.from('Spec ID Event03\0'), Buffer.alloc(8), number(1), Buffer.of(0x0c, 0, 48, 0, 0)],
  ]);
  const head = [number(0), number(3), Buffer.alloc(20), number(specification.length), specification];
  const event = [
    number(1),
    number(1),
    number(1),
    Buffer.of(0x0c, 0),
    Buffer.alloc(48, 7),
    number(4),
    Buffer.from('boot'),
  ];
  return new Uint8Array(Buffer.concat([...head, ...event, ...event]));
}
