import { Metadata, status as grpcStatus } from '@grpc/grpc-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERRORS, refusal, RefusalError, type ErrorCode, type Refusal } from '../../../lib/core/errors.ts';
import {
  REFUSAL_METADATA,
  refusalFromError,
  refusalFromStatus,
  refusalFromThrown,
  statusFromRefusal,
} from '../../../lib/wire/status.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];
const line = (maxLength: number) =>
  fc.string({ unit: 'binary', maxLength }).filter((text) => !/\p{Cc}/u.test(text) && text.length <= maxLength);

describe('a refusal and its gRPC status', () => {
  it.each(codes)('%s goes there and back', (code) => {
    const refused = refusal(code, 'detail', { got: '1', want: '2' });
    const status = statusFromRefusal(refused);
    expect(grpcStatus[status.code]).toBe(ERRORS[code].grpc);
    expect(refusalFromStatus(status)).toStrictEqual(refused);
    // gRPC percent-encodes the message for the header; what cannot be encoded would end the process.
    expect(() => encodeURI(status.details)).not.toThrow();
  });

  it('keeps any text that is one line', () => {
    fc.assert(
      fc.property(fc.constantFrom(...codes), line(300), line(100), line(100), (code, detail, got, want) => {
        const refused: Refusal = { code, detail, got, want };
        expect(refusalFromStatus(statusFromRefusal(refused))).toStrictEqual(refused);
      }),
    );
  });

  it('flattens and shortens what is not', () => {
    const status = statusFromRefusal(refusal('E-USAGE', `a\nb${'x'.repeat(5000)}`, { got: '\ud800', want: '\u0000' }));
    expect(refusalFromStatus(status)).toStrictEqual({
      code: 'E-USAGE',
      detail: `a b${'x'.repeat(997)}`,
      got: '\ufffd',
      want: ' ',
    });
  });

  it('is total: hostile metadata falls back to the status', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const metadata = new Metadata();
        metadata.set(REFUSAL_METADATA, Buffer.from(bytes));
        const read = refusalFromStatus({ code: grpcStatus.INTERNAL, details: '', metadata });
        expect(Object.hasOwn(ERRORS, read.code)).toBe(true);
      }),
    );
  });

  it.each([
    [grpcStatus.UNAVAILABLE, 'No connection established', 'E-TRANSPORT'],
    [grpcStatus.UNAVAILABLE, 'Last error: tlsv13 alert certificate required', 'E-TRANSPORT-CERTIFICATE'],
    [grpcStatus.RESOURCE_EXHAUSTED, 'Received message larger than max (9 vs 8)', 'E-CHANNEL-SIZE'],
    [grpcStatus.RESOURCE_EXHAUSTED, 'Bandwidth exhausted or memory limit exceeded', 'E-TRANSPORT'],
    [grpcStatus.DEADLINE_EXCEEDED, 'Deadline exceeded', 'E-CHANNEL-TIMEOUT'],
    [grpcStatus.UNIMPLEMENTED, 'larger than', 'E-TRANSPORT'],
    [grpcStatus.OK, '', 'E-TRANSPORT'],
  ])('status %s “%s” without refusal is %s', (code, details, expected) => {
    const read = refusalFromStatus({ code, details });
    expect(read.code).toBe(expected);
    expect(read.detail).toBe(`status ${grpcStatus[code]}`);
  });

  it('reads errors of every kind', () => {
    const error = Object.assign(new Error('5 NOT_FOUND'), { code: grpcStatus.NOT_FOUND, details: '' });
    expect(refusalFromError(error)).toMatchObject({ code: 'E-TRANSPORT', detail: 'status NOT_FOUND' });
    expect(refusalFromError(new RefusalError(refusal('E-ROUND-PHASE')))).toMatchObject({ code: 'E-ROUND-PHASE' });
    expect(refusalFromError(new Error('secret'))).toStrictEqual(refusal('E-TRANSPORT', 'the connection broke'));
    expect(refusalFromError(null)).toMatchObject({ code: 'E-TRANSPORT' });
    expect(refusalFromThrown(new Error('bug'))).toBeNull();
  });
});
