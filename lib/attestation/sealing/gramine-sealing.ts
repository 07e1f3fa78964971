import { GRAMINE_ABSENT, GRAMINE_FOLDER, gramineAttests } from '../attesters/gramine.ts';
import type { PseudoFiles } from '../attesters/pseudo-files.ts';
import { refusedBySystem } from '../attesters/unavailable.ts';
import { noSealingKey, type SealingRoot } from './sealing-keys.ts';

/** SGX sealing keys have 128 bits. */
const KEY_BYTES = 16;

/**
 * SGX through Gramine. `mrenclave`: only this very program; a new version cannot open what the old one sealed.
 * `mrsigner`: every program of the same signer on this machine, of whatever version.
 */
export const gramineRoot = (
  files: PseudoFiles,
  boundTo: 'mrenclave' | 'mrsigner',
  folder = GRAMINE_FOLDER,
): SealingRoot => ({
  name: `sgx-${boundTo}`,
  async read() {
    const path = `${folder}/keys/_sgx_${boundTo}`;
    try {
      // Outside of an enclave Gramine gives a key that everybody knows.
      await gramineAttests(files, folder);
      const key = await files.read(path, KEY_BYTES);
      if (key.length !== KEY_BYTES) throw noSealingKey(path, `${key.length} bytes`, `${KEY_BYTES} are an SGX key`);
      return key;
    } catch (fault) {
      throw refusedBySystem(fault, path, GRAMINE_ABSENT);
    }
  },
});
