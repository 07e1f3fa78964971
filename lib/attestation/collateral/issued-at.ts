import { jsonObject } from '../formats/encoded-text.ts';
import { parseOcspResponse } from '../x509/ocsp-response.ts';
import { revocationListOf } from '../x509/revocation-list.ts';
import type { CollateralItem } from './collateral.ts';

/**
 * When an item says that it was issued, in milliseconds since 1970, unverified: `thisUpdate` of a revocation list,
 * `issueDate` of Intel's answers, the earliest `thisUpdate` of an OCSP response. Null: it does not say, or cannot be read.
 */
export function issuedAt(item: CollateralItem): number | null {
  if (item.kind === 'revocation-list') {
    const list = revocationListOf(item);
    return list.ok ? list.value.thisUpdate : null;
  }
  if (item.kind === 'ocsp-response') {
    const response = parseOcspResponse(item.der);
    const times = response.ok ? response.value.answers.map(({ thisUpdate }) => thisUpdate) : [];
    return times.length === 0 ? null : Math.min(...times);
  }
  if (item.kind !== 'intel-tcb-info' && item.kind !== 'intel-qe-identity') return null;
  const answer = jsonObject(item.text);
  const body: unknown = answer?.['tcbInfo'] ?? answer?.['enclaveIdentity'];
  if (typeof body !== 'object' || body === null || !('issueDate' in body)) return null;
  const at = typeof body.issueDate === 'string' ? Date.parse(body.issueDate) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}
