import { z } from 'zod';
import { fromHex, toHex } from '../../lib/core/bytes.ts';
import type { PublicKey } from '../../lib/core/ids.ts';
import { readJsonFile } from './read-json.ts';

const KEY_HEX = /^[0-9a-f]{64}$/;

/** `roots.json`: whose evidence a verifier believes. Simulated roots stand under a name that says so. */
const rootsFile = z.strictObject({
  simulated: z.array(z.string().regex(KEY_HEX, 'must be 64 hexadecimal digits')).min(1).max(16),
});

export const rootsText = (simulated: readonly PublicKey[]): string =>
  `${JSON.stringify({ simulated: simulated.map(toHex) }, null, 2)}\n`;

export async function readRoots(path: string): Promise<PublicKey[]> {
  const { simulated } = await readJsonFile(path, rootsFile);
  return simulated.map((hex) => (fromHex(hex) ?? new Uint8Array()) as PublicKey);
}
