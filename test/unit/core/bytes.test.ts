import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesEqual, compareBytes, concatBytes, fromHex, toHex, u64be, utf8 } from '../../../lib/core/bytes.ts';
import { ByteWriter } from '../../../lib/core/byte-writer.ts';

describe('bytes', () => {
  it('writes hexadecimal and reads it back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(['0', 'abc', 'AB', '0g', ' 00', '00 ', '0x00', '00\n'])('does not read %j as hexadecimal', (text) => {
    expect(fromHex(text)).toBe(null);
  });

  it('joins, compares and orders as Node does', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 5 }), (parts) => {
        expect(toHex(concatBytes(...parts))).toBe(Buffer.concat(parts).toString('hex'));
      }),
    );
    const short = fc.uint8Array({ maxLength: 3, max: 2 });
    fc.assert(
      fc.property(short, short, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(bytesEqual(a, b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });

  it('writes integers as 8 bytes, most significant first, and refuses others', () => {
    expect(toHex(u64be(0))).toBe('0000000000000000');
    expect(toHex(u64be(258))).toBe('0000000000000102');
    expect(toHex(u64be(Number.MAX_SAFE_INTEGER))).toBe('001fffffffffffff');
    for (const wrong of [-1, 0.5, 2 ** 53, Number.NaN]) expect(() => u64be(wrong)).toThrow(RangeError);
  });

  it('encodes text as UTF-8', () => {
    expect(toHex(utf8('K\u00f6'))).toBe('4bc3b6');
  });
});

describe('ByteWriter', () => {
  it('keeps every piece, however the buffer grows', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 12 }), (pieces) => {
        const writer = new ByteWriter();
        for (const piece of pieces) {
          writer.append(piece);
          writer.u16(0x0102);
          writer.u64(2 ** 40 + 3);
          writer.f64(-4.1);
        }
        const marks = Buffer.from('010200000100000000' + '03c010666666666666', 'hex');
        const want = Buffer.concat(pieces.flatMap((piece) => [piece, marks]));
        expect(toHex(writer.finish())).toBe(want.toString('hex'));
      }),
    );
  });
});
