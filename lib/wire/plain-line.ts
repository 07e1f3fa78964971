/** Controls, line and paragraph separators, and the marks that turn the direction of text around. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu;

/**
 * Text of anybody's choosing as one line of plain text: at most `maximum` UTF-16 units, well-formed, nothing in it that
 * moves a reader's cursor. What it gives always passes `line(maximum)` of field-shapes.ts.
 */
export function plainLine(text: string, maximum: number): string {
  // Cut first: a long text costs no more than a short one. A cut through a pair of surrogates is mended after it.
  return text.slice(0, maximum).replace(UNPRINTABLE, ' ').toWellFormed();
}
