import { isIPv4, isIPv6 } from 'node:net';
import { sequence, tagged } from './der.ts';

const DNS_NAME = /^(?=.{1,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/i;
/** Tags of GeneralName (RFC 5280 §4.2.1.6). */
const DNS = 2;
const URI = 6;
const IP = 7;

/** The subjectAltName extension's value: one URI, then DNS names and IP addresses. Throws on what is neither. */
export const subjectAltName = (uri: string, addresses: readonly string[]): Buffer =>
  sequence(tagged(URI, false, Buffer.from(uri, 'ascii')), ...addresses.map(generalName));

function generalName(address: string): Buffer {
  if (isIPv4(address)) return tagged(IP, false, Uint8Array.from(address.split('.').map(Number)));
  if (isIPv6(address)) return tagged(IP, false, ipv6Bytes(address));
  if (!DNS_NAME.test(address)) throw new RangeError('an address is a DNS name or an IP address');
  return tagged(DNS, false, Buffer.from(address, 'ascii'));
}

function ipv6Bytes(address: string): Uint8Array {
  if (address.includes('.') || address.includes('%')) throw new RangeError('write IPv6 addresses in plain hexadecimal');
  const [front = '', back = ''] = address.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const head = words(front);
  const tail = words(back);
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0);
  return Uint8Array.from([...head, ...zeros, ...tail].flatMap((word) => [word >> 8, word & 0xff]));
}
