import { concatBytes } from '../../core/bytes.ts';
import { Malformed } from '../formats/malformed.ts';

const MAX_DEPTH = 8;
const MAX_BYTES = 64 * 1024;
const CONSTRUCTED = 0x20;
const INDEFINITE = 0x80;

/**
 * BER with indefinite lengths (ITU-T X.690 §8.1.3.6), as AWS KMS writes its outer layers, with definite ones instead.
 * What has a definite length is copied unread, so at most one form of each element is accepted. Throws Malformed.
 */
export function definiteLengths(bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_BYTES) throw new Malformed('BER of more than 64 KiB');
  const { element, end } = elementAt(bytes, 0, 0);
  if (end !== bytes.length) throw new Malformed(`${bytes.length - end} bytes after the BER element`, end);
  return element;
}

function elementAt(bytes: Uint8Array, start: number, depth: number): { element: Uint8Array; end: number } {
  if (depth > MAX_DEPTH) throw new Malformed('BER nested too deep', start);
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) throw new Malformed('BER element cut short', start);
  if (first !== INDEFINITE) {
    const digits = first < INDEFINITE ? 0 : first - INDEFINITE;
    if (digits > 3) throw new Malformed('BER length is too large', start);
    let length = digits === 0 ? first : 0;
    for (let i = 0; i < digits; i++) length = length * 256 + (bytes[start + 2 + i] ?? 0);
    const end = start + 2 + digits + length;
    if (end > bytes.length) throw new Malformed('BER element cut short', start);
    return { element: bytes.subarray(start, end), end };
  }
  if ((tag & CONSTRUCTED) === 0) throw new Malformed('BER indefinite length of a primitive element', start);
  const parts: Uint8Array[] = [];
  let at = start + 2;
  while (bytes[at] !== 0 || bytes[at + 1] !== 0) {
    const { element, end } = elementAt(bytes, at, depth + 1);
    parts.push(element);
    at = end;
  }
  const content = concatBytes(...parts);
  return { element: concatBytes(Uint8Array.of(tag, ...lengthOf(content.length)), content), end: at + 2 };
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const digits: number[] = [];
  for (let left = length; left > 0; left >>>= 8) digits.unshift(left & 0xff);
  return [0x80 | digits.length, ...digits];
}
