import type { SealedContract } from '../../../lib/contract/study-contract.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { spokenWords } from '../../setup/organisation.ts';

/** The whole contract for programs: bytes as hexadecimal, times as milliseconds since 1970, and the words of each key. */
export function contractAsJson({ contract, digest }: SealedContract): string {
  const words = Object.fromEntries(
    contract.organisations.map((organisation) => [organisation.id, spokenWords(organisation)]),
  );
  return JSON.stringify({ type: 'contract', digest, contract, words }, (_key, value: unknown) =>
    value instanceof Uint8Array ? toHex(value) : value,
  );
}
