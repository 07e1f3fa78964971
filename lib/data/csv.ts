/** Bounds of a delimited file, checked while it is read. */
export interface CsvLimits {
  readonly maxBytes: number;
  /** Bytes of one record, line ends inside quotes included. */
  readonly maxRecordBytes: number;
  readonly maxRecords: number;
}

export const CSV_LIMITS: CsvLimits = { maxBytes: 256 << 20, maxRecordBytes: 64 << 10, maxRecords: 5_000_000 };

export interface CsvRecord {
  /** 1-based line of the file on which the record begins. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** A line that is not a record; `rule` is safe to show: it never repeats what stands in the file. */
interface CsvFault {
  readonly line: number;
  readonly rule: string;
}

export type CsvItem = ({ readonly kind: 'record' } & CsvRecord) | ({ readonly kind: 'fault' } & CsvFault);

export interface CsvDialect {
  readonly delimiter: ',' | ';' | '\t';
  readonly limits?: CsvLimits;
}

const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type Split = { readonly cells: string[] } | { readonly broken: string };

/**
 * Reads RFC 4180 with LF or CRLF line ends, strict UTF-8 and an optional byte order mark. Total: any bytes give
 * records and faults in file order, never a throw. A faulty line is reported and reading goes on behind it; a file
 * beyond its limits ends with a fault. Empty lines at the end are no records; elsewhere they are faults.
 */
export function* readCsv(bytes: Uint8Array, { delimiter, limits = CSV_LIMITS }: CsvDialect): Generator<CsvItem> {
  if (bytes.length > limits.maxBytes) {
    yield { kind: 'fault', line: 1, rule: `the file is larger than ${limits.maxBytes} bytes` };
    return;
  }
  const lines = new Lines(bytes, limits.maxRecordBytes);
  let emptyLines: number[] = [];
  let records = 0;
  for (let first = lines.next(); first !== null; first = lines.next()) {
    const line = lines.number;
    if (first === '') {
      emptyLines.push(line);
      continue;
    }
    for (const empty of emptyLines) yield { kind: 'fault', line: empty, rule: 'the line is empty' };
    emptyLines = [];
    records += 1;
    if (records > limits.maxRecords) {
      yield { kind: 'fault', line, rule: `the file has more than ${limits.maxRecords} rows` };
      return;
    }
    const split = typeof first === 'string' ? splitRecord(first, delimiter, lines) : { broken: first.rule };
    yield 'broken' in split
      ? { kind: 'fault', line, rule: split.broken }
      : { kind: 'record', line, cells: split.cells };
  }
}

/** Cells of one record, which takes further lines while a quoted cell is open. */
function splitRecord(first: string, delimiter: string, lines: Lines): Split {
  const cells: string[] = [];
  let text = first;
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      const cell = quotedCell(text, at + 1, lines);
      if ('broken' in cell) return cell;
      cells.push(cell.content);
      text = cell.text;
      at = cell.end;
      if (at < text.length && text[at] !== delimiter) return { broken: 'text follows a closing quote' };
    } else {
      const found = text.indexOf(delimiter, at);
      const end = found === -1 ? text.length : found;
      const cell = text.slice(at, end);
      if (/["\r]/.test(cell)) return { broken: 'a quote or a carriage return stands in an unquoted cell' };
      cells.push(cell);
      at = end;
    }
    if (at >= text.length) return { cells };
    at += 1;
  }
}

interface QuotedCell {
  /** Line ends inside are given as LF. */
  readonly content: string;
  /** The line on which the cell ends, and the index behind its closing quote. */
  readonly text: string;
  readonly end: number;
}

function quotedCell(line: string, start: number, lines: Lines): QuotedCell | { readonly broken: string } {
  const pieces: string[] = [];
  let text = line;
  let from = start;
  for (let closed = closingQuote(text, from); ; closed = closingQuote(text, from)) {
    if (closed !== null) {
      pieces.push(text.slice(from, closed));
      return { content: pieces.join('\n').replaceAll('""', '"'), text, end: closed + 1 };
    }
    pieces.push(text.slice(from));
    const more = lines.continueRecord();
    if (more === null) return { broken: 'a quote is never closed' };
    if (typeof more !== 'string') return { broken: more.rule };
    text = more;
    from = 0;
  }
}

/** Index of the quote that ends a cell whose content begins at `from`; null when it is not in `text`. */
function closingQuote(text: string, from: number): number | null {
  let at = text.indexOf('"', from);
  while (at !== -1 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at === -1 ? null : at;
}

interface BadLine {
  readonly rule: string;
}

/** The lines of a file one by one, decoded strictly. */
class Lines {
  /** 1-based number of the line given last. */
  number = 0;
  readonly #bytes: Uint8Array;
  readonly #maxBytes: number;
  #offset: number;
  #recordStart = 0;

  constructor(bytes: Uint8Array, maxBytes: number) {
    this.#bytes = bytes;
    this.#maxBytes = maxBytes;
    this.#offset = BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte) ? BYTE_ORDER_MARK.length : 0;
  }

  /** The next line without its end; null after the last. */
  next(): string | BadLine | null {
    this.#recordStart = this.#offset;
    return this.#line();
  }

  /** The line that follows, as a part of the record begun with `next`. */
  continueRecord(): string | BadLine | null {
    return this.#line();
  }

  #line(): string | BadLine | null {
    if (this.#offset >= this.#bytes.length) return null;
    const found = this.#bytes.indexOf(NEWLINE, this.#offset);
    const end = found === -1 ? this.#bytes.length : found;
    const start = this.#offset;
    this.#offset = end + 1;
    this.number += 1;
    if (end - this.#recordStart > this.#maxBytes) return { rule: `the row is longer than ${this.#maxBytes} bytes` };
    try {
      const text = DECODER.decode(this.#bytes.subarray(start, end));
      return text.endsWith('\r') ? text.slice(0, -1) : text;
    } catch {
      return { rule: 'the text is not UTF-8' };
    }
  }
}
