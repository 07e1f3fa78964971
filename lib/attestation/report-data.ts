import { BinderTree } from './binder-tree.ts';
import type { Binder } from './binder.ts';
import { publicationReportData, type Publication } from './publication.ts';

export const REPORT_DATA_BYTES = 64;

/** Everything that evidence is ever made for. There is no third kind (PROTOCOL §4.5). */
export type ReportDataSource =
  | { readonly kind: 'binders'; readonly binders: readonly Uint8Array[] }
  | { readonly kind: 'publication'; readonly publication: Publication };

/** The 64 bytes of `source`; always the output of a domain-tagged hash, never the input. */
export function reportDataBytes(source: ReportDataSource): Uint8Array {
  return source.kind === 'binders' ? new BinderTree(source.binders).root : publicationReportData(source.publication);
}

const mint = Symbol('made by this module');

/**
 * The value an attester puts into evidence. Only the two functions below make one, checked at run time as well, so
 * that no API anywhere attests bytes that a caller chose (PROTOCOL §4.5).
 */
export class ReportData {
  readonly #source: ReportDataSource;
  readonly #bytes: Uint8Array;

  constructor(token: typeof mint, source: ReportDataSource) {
    if (token !== mint) throw new TypeError('report data is made from binders or for publication only');
    this.#source = source;
    this.#bytes = reportDataBytes(source);
  }

  /** The Merkle root of 1 to 1024 pending binders. Throws RangeError for another number. */
  static ofBinders(binders: readonly Binder[]): ReportData {
    return new ReportData(mint, { kind: 'binders', binders: binders.map((binder) => binder.bytes) });
  }

  static ofPublication(publication: Publication): ReportData {
    return new ReportData(mint, { kind: 'publication', publication });
  }

  /** A copy of the 64 bytes. Throws TypeError for an object that only looks like report data. */
  static bytesOf(reportData: ReportData): Uint8Array {
    if (!(#bytes in reportData)) throw new TypeError('not report data');
    return reportData.#bytes.slice();
  }

  /** What the bytes were made from, for platforms that build them again on their side. Throws like `bytesOf`. */
  static sourceOf(reportData: ReportData): ReportDataSource {
    if (!(#bytes in reportData)) throw new TypeError('not report data');
    return structuredClone(reportData.#source);
  }
}
