import { Malformed } from '../formats/malformed.ts';

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*?)-----END \1-----/g;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export interface PemBlock {
  /** CERTIFICATE, X509 CRL, … */
  readonly label: string;
  readonly der: Uint8Array;
}

/** The blocks of a PEM text (RFC 7468) in order, whatever stands between them. More than `limit` is Malformed. */
export function readPem(text: string, limit = 64): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const [, label = '', body = ''] of text.matchAll(BLOCK)) {
    if (blocks.length === limit) throw new Malformed(`more than ${limit} PEM blocks`);
    const digits = body.replace(/\s/g, '');
    if (!BASE64.test(digits)) throw new Malformed('PEM block is not Base64');
    blocks.push({ label, der: Buffer.from(digits, 'base64') });
  }
  return blocks;
}
