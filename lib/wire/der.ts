/** Just enough DER (ITU-T X.690) to write certificates; reading them is left to OpenSSL. */

const TAG = { boolean: 1, integer: 2, bits: 3, octets: 4, oid: 6, utf8: 12, sequence: 0x30, set: 0x31 } as const;
const UTC_TIME = 23;
const GENERALIZED_TIME = 24;

/** One element: tag, length in the fewest bytes, content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const digits = length.subarray(length.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.of(tag, 0x80 | digits.length), digits, body]);
}

/** Context-specific tag: `[number]`; constructed when it wraps whole elements. */
export const tagged = (number: number, constructed: boolean, ...content: readonly Uint8Array[]): Buffer =>
  element((constructed ? 0xa0 : 0x80) | number, ...content);

export const sequence = (...items: readonly Uint8Array[]): Buffer => element(TAG.sequence, ...items);
/** A set of one item, which needs no sorting. */
export const setOf = (item: Uint8Array): Buffer => element(TAG.set, item);
export const octets = (content: Uint8Array): Buffer => element(TAG.octets, content);
export const utf8Text = (text: string): Buffer => element(TAG.utf8, Buffer.from(text));
export const truth = (): Buffer => element(TAG.boolean, Buffer.of(0xff));
/** A positive integer, most significant byte first, whose first byte is 0x01 to 0x7f. */
export const integer = (bytes: Uint8Array): Buffer => element(TAG.integer, bytes);
export const bits = (content: Uint8Array, unusedBits = 0): Buffer => element(TAG.bits, Buffer.of(unusedBits), content);

/** An object identifier in dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const body = [40 * first + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return element(TAG.oid, Buffer.from(body));
}

/** Whole seconds; UTCTime up to 2049, GeneralizedTime after it (RFC 5280 §4.1.2.5). */
export function time(moment: Date): Buffer {
  const digits = `${moment.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  return moment.getUTCFullYear() < 2050
    ? element(UTC_TIME, Buffer.from(digits.slice(2)))
    : element(GENERALIZED_TIME, Buffer.from(digits));
}
