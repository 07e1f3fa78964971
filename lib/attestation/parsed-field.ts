/** One field of parsed evidence, for `consilium attest show`. */
export interface ParsedField {
  /** The vendor manual's name, with the structure before it where there are several: `report.mrenclave`. */
  readonly name: string;
  /** Byte offset in the evidence; null where the field has no single place (inside decoded CBOR, a certificate). */
  readonly offset: number | null;
  /** Hexadecimal, decimal or text; cut where long. */
  readonly value: string;
  /** What it says, in words; bits spelled out. */
  readonly meaning: string;
}
