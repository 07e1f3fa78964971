import { bytesEqual, utf8 } from '../../core/bytes.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import { parseQuote, type Quote } from '../dcap/quote.ts';
import { sha384, type MeasuredEvent } from '../event-log/measured-event.ts';
import { ByteReader } from '../formats/byte-reader.ts';
import { decoded, decodeText, jsonObject, textMember, textOf } from '../formats/encoded-text.ts';
import { Malformed, total } from '../formats/malformed.ts';

const MAX_EVIDENCE_BYTES = 1024 * 1024;
const MAX_EVENTS = 1024;
/** Events of dstack itself and of the application, in RTMR3; their digest commits to name and payload. */
const RUNTIME_EVENT = 0x0800_0001;
export const RUNTIME_REGISTER = 3;

/** JSON whose attestation starts like `readBinary` wants it, around a TDX quote of version 4 or 5. */
const ENVELOPE = /"attestation" ?: ?"0000[0-9a-f]{4}0[45]000200/;

/** What a dstack guest hands over: a TDX quote and the log of what extended its registers. */
export interface DstackEvidence {
  readonly quote: Quote;
  readonly events: readonly MeasuredEvent[];
  /** Events whose given digest is not that of their content, and events of another type than dstack's in RTMR3. */
  readonly altered: readonly string[];
}

/** JSON with a quote and an event log, JSON around a binary attestation, or that binary itself: no verdict. */
export function looksLikeDstack(bytes: Uint8Array): boolean {
  const text = bytes[0] === 0x7b && bytes.length <= MAX_EVIDENCE_BYTES ? textOf(bytes) : null;
  if (text !== null) return (text.includes('"quote"') && text.includes('"event_log"')) || ENVELOPE.test(text);
  return bytes[0] === 0 && bytes[1] === 0 && (bytes[4] === 4 || bytes[4] === 5) && bytes[5] === 0 && bytes[6] === 2;
}

/** Total; E-ATTEST-MALFORMED. */
export const parseDstack = (bytes: Uint8Array): Result<DstackEvidence, Refusal> =>
  total('dstack evidence', () => {
    if (bytes.length > MAX_EVIDENCE_BYTES) throw new Malformed('larger than 1 MiB');
    const text = textOf(bytes);
    const json = text?.trimStart().startsWith('{') === true ? jsonObject(text) : null;
    if (json === null) return readBinary(decoded(bytes));
    const attestation = textMember(json, 'attestation');
    if (attestation !== null) return readBinary(decodeText(attestation) ?? new Uint8Array());
    return evidence(decodeText(textMember(json, 'quote') ?? '') ?? new Uint8Array(), jsonEvents(json));
  });

interface LoggedEvent {
  readonly register: number;
  readonly type: number;
  readonly digest: Uint8Array;
  readonly name: string;
  readonly content: Uint8Array;
}

function evidence(quoteBytes: Uint8Array, logged: readonly LoggedEvent[]): DstackEvidence {
  const quote = parseQuote(quoteBytes, 'tdx');
  if (!quote.ok) throw new Malformed(quote.error.detail);
  const altered: string[] = [];
  const events = logged.map((event): MeasuredEvent => {
    const { register, type, digest, name, content } = event;
    const runtime = type === RUNTIME_EVENT;
    const own = runtime ? runtimeDigest(event) : sha384(content);
    const contentBound = bytesEqual(own, digest) || (runtime && digest.length === 0);
    // Another type would let a genuine event pass under another name: its digest does not cover that.
    const relabelled = register === RUNTIME_REGISTER && !runtime;
    if ((runtime && !contentBound) || relabelled) altered.push(name === '' ? 'an event without name' : name);
    return { register, type, name, content, contentBound, digest: digest.length === 0 ? own : digest };
  });
  return { quote: quote.value, events, altered };
}

const runtimeDigest = ({ type, name, content }: LoggedEvent): Uint8Array =>
  sha384(Uint8Array.of(type, type >> 8, type >> 16, type >> 24), utf8(`:${name}:`), content);

function jsonEvents(json: Readonly<Record<string, unknown>>): LoggedEvent[] {
  const member = json['event_log'];
  const list = typeof member === 'string' ? jsonObject(`{"list":${member}}`)?.['list'] : member;
  if (!Array.isArray(list) || list.length > MAX_EVENTS) throw new Malformed('event_log is no list of events');
  return list.map((item: unknown, index): LoggedEvent => {
    const event = typeof item === 'object' && item !== null ? (item as Readonly<Record<string, unknown>>) : {};
    const { imr, event_type: type } = event;
    const digest = hexMember(event, 'digest');
    const content = hexMember(event, 'event_payload');
    const name = textMember(event, 'event');
    if (!isRegister(imr) || !isWord(type) || digest === null || content === null || name === null) {
      throw new Malformed(`event ${index} is not { imr, event_type, digest, event, event_payload }`);
    }
    return { register: imr, type, digest: sized(digest), name, content };
  });
}

function hexMember(event: Readonly<Record<string, unknown>>, name: string): Uint8Array | null {
  const text = textMember(event, name);
  return text === '' ? new Uint8Array() : /^(?:[0-9a-f]{2})+$/i.test(text ?? '') ? decodeText(text ?? '') : null;
}

const isRegister = (value: unknown): value is number => typeof value === 'number' && [0, 1, 2, 3].includes(value);
const isWord = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;

function sized(digest: Uint8Array): Uint8Array {
  if (digest.length !== 0 && digest.length !== 48) throw new Malformed('a digest of another length than 48 bytes');
  return digest;
}

/** SCALE: version 0, variant TDX, quote, events; what follows (configuration for the guest) nobody signed. */
function readBinary(bytes: Uint8Array): DstackEvidence {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== 0 || reader.u8() !== 0) throw new Malformed('neither JSON nor a TDX attestation of version 0');
  const quote = reader.take(compact(reader));
  const count = compact(reader);
  if (count > MAX_EVENTS) throw new Malformed(`more than ${MAX_EVENTS} events`);
  const events: LoggedEvent[] = [];
  for (let index = 0; index < count; index++) {
    const register = reader.u32le();
    const type = reader.u32le();
    const digest = sized(reader.take(compact(reader)));
    const name = textOf(reader.take(compact(reader)));
    const content = reader.take(compact(reader));
    if (!isRegister(register) || name === null) throw new Malformed(`event ${index} has no register or no name`);
    events.push({ register, type, digest, name, content });
  }
  return evidence(quote, events);
}

/** A SCALE compact length, up to 2^30 - 1. */
function compact(reader: ByteReader): number {
  const first = reader.u8();
  if ((first & 3) === 0) return first >> 2;
  if ((first & 3) === 1) return (first >> 2) + reader.u8() * 0x40;
  if ((first & 3) === 2) return (first >> 2) + reader.u24le() * 0x40;
  throw new Malformed('a length above 2^30');
}
