import { wordlist } from '@scure/bip39/wordlists/english.js';
import { describe, expect, it } from 'vitest';
import { keyWords } from '../../../lib/contract/key-words.ts';
import { hash } from '../../../lib/core/hash.ts';
import { utf8 } from '../../../lib/core/bytes.ts';
import { organisationId, type PublicKey } from '../../../lib/core/ids.ts';
import { digestOf, organisationSigner } from '../../support/test-contract.ts';

describe('PROTOCOL §6.2: six words by telephone', () => {
  const id = organisationId('adler');
  const { publicKey: key } = organisationSigner('adler');

  it('are six words of the BIP-39 list, the same in every version of this program', () => {
    const words = keyWords({ id, key });
    expect(words).toHaveLength(6);
    for (const word of words) expect(wordlist).toContain(word);
    expect(words.join(' ')).toBe('audit present destroy face awkward cream');
  });

  it('are the first 66 bits of the digest, 11 bits a word', () => {
    const bits = [...hash('organisation', utf8(id), key)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    const indexes = Array.from({ length: 6 }, (_, index) =>
      Number.parseInt(bits.slice(11 * index, 11 * index + 11), 2),
    );
    expect(keyWords({ id, key })).toEqual(indexes.map((index) => wordlist[index]));
  });

  it('differ for another key and for another name', () => {
    const spoken = new Set<string>();
    for (let i = 0; i < 2000; i++) {
      spoken.add(keyWords({ id, key: digestOf(`key ${i}`) as Uint8Array as PublicKey }).join(' '));
      spoken.add(keyWords({ id: organisationId(`site-${i}`), key }).join(' '));
    }
    expect(spoken.size).toBe(4000);
  });
});
