import { wordlist } from '@scure/bip39/wordlists/english.js';
import { hash } from '../core/hash.ts';
import { utf8 } from '../core/bytes.ts';
import type { Organisation } from './study-contract.ts';

const WORDS = 6;
const BITS_PER_WORD = 11;

/**
 * Six words that name an organisation and its key, for reading out on the telephone (PROTOCOL §6.2): the first 66
 * bits of a digest, 11 bits a word, from the BIP-39 English list.
 */
export function keyWords({ id, key }: Pick<Organisation, 'id' | 'key'>): string[] {
  const fingerprint = hash('organisation', utf8(id), key);
  let bits = 0n;
  for (const byte of fingerprint) bits = (bits << 8n) | BigInt(byte);
  const total = BigInt(fingerprint.length * 8);
  return Array.from({ length: WORDS }, (_, index) => {
    const shift = total - BigInt(BITS_PER_WORD * (index + 1));
    return wordlist[Number((bits >> shift) & 0x7ffn)] ?? '';
  });
}
