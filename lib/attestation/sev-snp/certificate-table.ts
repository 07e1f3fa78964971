import { toHex } from '../../core/bytes.ts';
import type { CollateralItem } from '../collateral/collateral.ts';
import { ByteReader } from '../formats/byte-reader.ts';
import { Malformed } from '../formats/malformed.ts';
import { readPem } from '../x509/pem.ts';

/** What an entry says it is (GHCB specification 56421, "SNP Extended Guest Request"). */
export type TableEntryKind = 'VCEK' | 'VLEK' | 'ASK' | 'ARK' | 'CRL' | 'other';

export interface TableEntry {
  readonly kind: TableEntryKind;
  /** GUID in lower-case hexadecimal without hyphens, in the order of the bytes. */
  readonly guid: string;
  /** Offset of the content in the table. */
  readonly offset: number;
  /** DER, or what else the host put there; a PEM block is decoded. */
  readonly content: Uint8Array;
}

const KINDS: Readonly<Record<string, TableEntryKind>> = {
  '63da758de6644564adc5f4b93be8accd': 'VCEK',
  a8074bc2a25a483eaae639c045a0b8a1: 'VLEK',
  '4ab7b379bbac4fe4a02f05aef327c782': 'ASK',
  c0b406a4a803495297433fb6014cd0ae: 'ARK',
  '92f81bc358114d3d97ffd19f88dc67ea': 'CRL',
};
const GUID_BYTES = 16;
const NO_GUID = '00'.repeat(GUID_BYTES);
/** The specification names five; a host may add its own. */
const MAX_ENTRIES = 16;
const PEM_START = toHex(new TextEncoder().encode('-----BEGIN '));

/**
 * The table of certificates that a host hands to its guest (configfs-tsm `auxblob`). The host is not trusted: every
 * entry is a hint, to be verified like any other collateral. Throws Malformed, for use inside `total`.
 */
export function readCertificateTable(bytes: Uint8Array): TableEntry[] {
  const reader = new ByteReader(bytes);
  const entries: TableEntry[] = [];
  let total = 0;
  for (;;) {
    const start = reader.offset;
    const guid = toHex(reader.take(GUID_BYTES));
    const offset = reader.u32le();
    const length = reader.u32le();
    if (guid === NO_GUID) {
      if (offset !== 0 || length !== 0) throw new Malformed('certificate table has an entry without GUID', start);
      break;
    }
    if (entries.length === MAX_ENTRIES) throw new Malformed(`certificate table has more than ${MAX_ENTRIES} entries`);
    total += length;
    if (offset + length > bytes.length || total > bytes.length) {
      throw new Malformed('certificate table points outside itself', start);
    }
    const content = bytes.subarray(offset, offset + length);
    entries.push({ kind: KINDS[guid] ?? 'other', guid, offset, content: decoded(content) });
  }
  const header = reader.offset;
  if (entries.some(({ offset }) => offset < header)) {
    throw new Malformed('certificate table points into its own header');
  }
  return entries;
}

/** The entries as collateral, unverified; those of unknown kinds are left out. */
export const tableCollateral = (entries: readonly TableEntry[]): CollateralItem[] =>
  entries
    .filter(({ kind, content }) => kind !== 'other' && content.length > 0)
    .map(({ kind, content }) => ({ kind: kind === 'CRL' ? 'revocation-list' : 'certificate', der: content }));

function decoded(content: Uint8Array): Uint8Array {
  if (toHex(content.subarray(0, PEM_START.length / 2)) !== PEM_START) return content;
  return readPem(new TextDecoder().decode(content), 1)[0]?.der ?? content;
}
