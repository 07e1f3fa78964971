import { fromHex } from '../../core/bytes.ts';
import type { DstackClient } from '../attesters/dstack-client.ts';
import { noSealingKey, type SealingRoot } from './sealing-keys.ts';

const KEY_BYTES = 32;
/** dstack derives by path alone: its `purpose` and `algorithm` do not separate keys. Nothing else may use this path. */
const KEY_PATH = 'consilium/sealing-key/v1';

/** The key service of dstack, which releases a key of this application to it once it has attested. */
export const dstackRoot = (client: DstackClient): SealingRoot => ({
  name: 'dstack',
  async read() {
    const { key } = await client.call('GetKey', { path: KEY_PATH, purpose: 'sealing' });
    const bytes = typeof key === 'string' ? fromHex(key.toLowerCase()) : null;
    if (bytes?.length !== KEY_BYTES) throw noSealingKey('dstack GetKey', 'no key of 32 bytes', 'update dstack to 0.5');
    return bytes;
  },
});
