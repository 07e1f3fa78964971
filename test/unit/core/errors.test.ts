import { describe, expect, it } from 'vitest';
import {
  describeRefusal,
  ERRORS,
  isErrorCode,
  refusal,
  RefusalError,
  type ErrorCode,
} from '../../../lib/core/errors.ts';

const CODES = Object.entries(ERRORS) as [ErrorCode, (typeof ERRORS)[ErrorCode]][];
/** Usage, data, bug, I/O, try later, refused, configuration (sysexits.h); verification; interrupted (128 + SIGINT). */
const EXITS = [64, 65, 70, 74, 75, 77, 78, 40, 41, 42, 130];

describe('the error table', () => {
  it.each(CODES)('%s says what happened, what it means for patient data and what to do', (code, meaning) => {
    expect(code).toMatch(/^E-[A-Z0-9]+(?:-[A-Z0-9]+)*$/);
    for (const text of [meaning.what, meaning.patientData, meaning.next]) {
      expect(text).toMatch(/^[A-Z].{5,}\.$/);
    }
    expect(EXITS).toContain(meaning.exit);
  });

  it('lets only transient troubles be tried again, and lets every transient status be', () => {
    for (const [code, { retryable, grpc, exit }] of CODES) {
      if (grpc === 'UNAVAILABLE' || grpc === 'ABORTED') expect(retryable, code).toBe(true);
      if (grpc === 'PERMISSION_DENIED' || grpc === 'UNAUTHENTICATED') expect(retryable, code).toBe(false);
      if (exit === 75) expect(retryable, code).toBe(true);
    }
  });

  it('claims that no patient data left only where a hospital could still hold it back', () => {
    const afterUpload: readonly ErrorCode[] = ['E-ACKS-MISSING', 'E-COHORT-TOO-SMALL', 'E-PARENT-REUSED'];
    for (const code of afterUpload) expect(ERRORS[code].patientData).not.toContain('left the hospital');
  });
});

describe('error codes', () => {
  it('are the keys of the table and nothing that every object has', () => {
    for (const [code] of CODES) expect(isErrorCode(code)).toBe(true);
    for (const text of ['', 'E-NOTHING', 'toString', 'constructor', '__proto__', 'hasOwnProperty'])
      expect(isErrorCode(text), text).toBe(false);
  });
});

describe('refusals', () => {
  it('are described on one line with detail, got and want', () => {
    const told = describeRefusal(refusal('E-UPDATE-SHAPE', 'length', { got: '12 bytes', want: '16 bytes' }));
    expect(told).toBe(`E-UPDATE-SHAPE: ${ERRORS['E-UPDATE-SHAPE'].what} (length; got 12 bytes, want 16 bytes)`);
    expect(describeRefusal(refusal('E-ROUND-FINISHED'))).toBe(`E-ROUND-FINISHED: ${ERRORS['E-ROUND-FINISHED'].what}`);
    expect(describeRefusal(refusal('E-ORG-UNKNOWN', 'elm'))).toBe(
      `E-ORG-UNKNOWN: ${ERRORS['E-ORG-UNKNOWN'].what} (elm)`,
    );
    expect(describeRefusal({ code: 'E-CONFIG', detail: '', got: 'x' })).toContain('(got x, want )');
  });

  it('travel in an error that names them all', () => {
    const error = new RefusalError(refusal('E-CONFIG', 'port'), refusal('E-STORE-IO'));
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('RefusalError');
    const told = [refusal('E-CONFIG', 'port'), refusal('E-STORE-IO')].map(describeRefusal);
    expect(error.message).toBe(told.join('; '));
    expect(error.refusals.map(({ code }) => code)).toEqual(['E-CONFIG', 'E-STORE-IO']);
  });
});
