const HEX = /^(?:[0-9a-f]{2})+$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const NOT_ASCII = /[^\t\n\r -~]/;

/** Hexadecimal of either case (`0x` allowed) or Base64 (also the URL alphabet), white space ignored; null: neither. */
export function decodeText(text: string): Uint8Array | null {
  const digits = text.replace(/\s/g, '');
  const hex = digits.replace(/^0x/i, '');
  if (HEX.test(hex)) return new Uint8Array(Buffer.from(hex, 'hex'));
  const standard = digits.replaceAll('-', '+').replaceAll('_', '/');
  return standard !== '' && BASE64.test(standard) ? new Uint8Array(Buffer.from(standard, 'base64')) : null;
}

/** The text that `bytes` are where every byte is printable ASCII or white space; null: binary. */
export function asciiOf(bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  return NOT_ASCII.test(text) ? null : text;
}

/** The bytes that were meant: those behind hexadecimal or Base64 text, else the input itself. */
export function decoded(bytes: Uint8Array): Uint8Array {
  const text = asciiOf(bytes);
  return (text === null ? null : decodeText(text)) ?? bytes;
}

/** UTF-8 text without its byte order mark; null: not UTF-8. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** A member that is a string; null: absent, or of another type. */
export const textMember = (value: Readonly<Record<string, unknown>>, name: string): string | null => {
  const member = Object.hasOwn(value, name) ? value[name] : undefined;
  return typeof member === 'string' ? member : null;
};

const MAX_JSON_DEPTH = 64;

/** Whether brackets nest deeper than anything a vendor writes: whoever walks such a value could run out of stack. */
function nestsTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '[' || char === '{') {
      depth += 1;
      if (depth > MAX_JSON_DEPTH) return true;
    } else if (char === ']' || char === '}') depth -= 1;
  }
  return false;
}

/** A JSON object that nests at most 64 deep; null: no JSON, or another kind of value. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> | null {
  if (nestsTooDeep(text)) return null;
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}
