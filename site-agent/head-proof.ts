import { encodePublication } from '../lib/audit/passport-bundle.ts';
import type { SiteMessage } from '../lib/audit/session-message.ts';
import { toHex } from '../lib/core/bytes.ts';
import { refusal, type Refusal } from '../lib/core/errors.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import type { SiteState } from './state.ts';

/**
 * The newest statement this hospital saw, with the evidence of the boot that signed it: what an enclave that has another
 * chain asks for (PROTOCOL §7). Both are known to everybody in the study. E-HEAD-UNPROVEN: nothing was seen yet, or the
 * boot's publication never came.
 */
export function headProof({ newest, publications }: SiteState): Result<SiteMessage, Refusal> {
  const unproven = (why: string): Result<never, Refusal> => err(refusal('E-HEAD-UNPROVEN', why));
  if (newest === null) return unproven('this hospital has seen no statement');
  const publication = publications.get(toHex(newest.statement.bootKey));
  if (publication === undefined) return unproven('the boot that signed the newest statement was never published here');
  return ok({ type: 'head-proof', statement: newest.bytes, publication: encodePublication(publication) });
}
