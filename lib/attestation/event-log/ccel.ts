import { bytesEqual } from '../../core/bytes.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import { ByteReader } from '../formats/byte-reader.ts';
import { Malformed, total } from '../formats/malformed.ts';
import { sha384, type MeasuredEvent } from './measured-event.ts';

const MAX_LOG_BYTES = 1024 * 1024;
const MAX_EVENTS = 4096;
const EV_NO_ACTION = 3;
const SHA384 = 0x0c;
const SIGNATURE = 'Spec ID Event03\0';
const END = 0xffff_ffff;

/**
 * The event log of a TDX machine's firmware (ACPI table CCEL): TCG PC Client Platform Firmware Profile §10, crypto
 * agile, with CC measurement registers (0 MRTD, 1 to 4 RTMR0 to RTMR3; UEFI 2.10 §38.4.2) instead of PCRs. Padding
 * of 0xff or zeros may follow. Total; E-ATTEST-MALFORMED. Events that are not measured (EV_NO_ACTION) are left out.
 */
export const parseCcel = (bytes: Uint8Array): Result<readonly MeasuredEvent[], Refusal> =>
  total('CCEL event log', () => {
    if (bytes.length > MAX_LOG_BYTES) throw new Malformed('larger than 1 MiB');
    const reader = new ByteReader(bytes);
    const sizes = readHeader(reader);
    const events: MeasuredEvent[] = [];
    while (reader.left >= 8) {
      const start = reader.offset;
      const register = reader.u32le();
      const type = reader.u32le();
      if (register === END || (register === 0 && type === 0)) {
        endsHere(bytes.subarray(start), start);
        return events;
      }
      if (register > 4) throw new Malformed('no such measurement register', start);
      if (events.length === MAX_EVENTS) throw new Malformed(`more than ${MAX_EVENTS} events`);
      const digest = readDigests(reader, sizes);
      const content = reader.take(reader.u32le());
      if (type === EV_NO_ACTION) continue;
      const contentBound = bytesEqual(sha384(content), digest);
      events.push({ register: register - 1, type, name: '', digest, content, contentBound });
    }
    endsHere(reader.rest(), reader.offset);
    return events;
  });

function endsHere(padding: Uint8Array, offset: number): void {
  const [filler = 0] = padding;
  if ((filler !== 0 && filler !== 0xff) || padding.some((byte) => byte !== filler))
    throw new Malformed('something follows the end of the log', offset);
}

/** The first event, in the old format, says which digests the others have: size by algorithm. */
function readHeader(reader: ByteReader): ReadonlyMap<number, number> {
  reader.take(4);
  if (reader.u32le() !== EV_NO_ACTION) throw new Malformed('does not start with a specification event', 4);
  reader.take(20);
  const event = new ByteReader(reader.take(reader.u32le()));
  if (Buffer.from(event.take(16)).toString('latin1') !== SIGNATURE) throw new Malformed('not crypto agile', 32);
  event.take(8);
  const sizes = new Map<number, number>();
  for (let left = event.u32le(); left > 0; left--) {
    if (sizes.size === 16) throw new Malformed('too many digest algorithms');
    sizes.set(event.u16le(), event.u16le());
  }
  event.take(event.u8());
  event.end();
  if (sizes.get(SHA384) !== 48) throw new Malformed('has no SHA-384 digests');
  return sizes;
}

function readDigests(reader: ByteReader, sizes: ReadonlyMap<number, number>): Uint8Array {
  const start = reader.offset;
  let found: Uint8Array | null = null;
  const count = reader.u32le();
  if (count > sizes.size) throw new Malformed('more digests than algorithms', start);
  for (let index = 0; index < count; index++) {
    const algorithm = reader.u16le();
    const size = sizes.get(algorithm);
    if (size === undefined) throw new Malformed('a digest of an algorithm that was not announced', start);
    const digest = reader.take(size);
    if (algorithm === SHA384) found = digest;
  }
  if (found === null) throw new Malformed('an event without a SHA-384 digest', start);
  return found;
}
