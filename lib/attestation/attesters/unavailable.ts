import { refusal, RefusalError } from '../../core/errors.ts';

/** What people do about the errors that every one of these interfaces gives. */
const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'let the user of this program read and write it',
  EPERM: 'let the user of this program read and write it',
  ECONNREFUSED: 'start the service that should listen there',
  EBUSY: 'end the other program that uses it, or try again',
  ETIMEDOUT: 'look at the service of the host that makes quotes',
};

/** E-ATTEST-UNAVAILABLE: what was tried, what came back, what a person can do. None of them may hold a secret. */
export const unavailable = (tried: string, said: string, next: string): RefusalError =>
  new RefusalError(refusal('E-ATTEST-UNAVAILABLE', `${tried}: ${said}; ${next}`));

/** The name of a system error (`EBUSY`); null: not one, so a bug. */
export const systemCode = (fault: unknown): string | null =>
  fault instanceof Error && 'code' in fault && typeof fault.code === 'string' ? fault.code : null;

/** A system error as a refusal; `absent` is what to do when the file is not there. Whatever else is thrown goes on. */
export function refusedBySystem(fault: unknown, tried: string, absent: string): RefusalError {
  if (fault instanceof RefusalError) return fault;
  const code = systemCode(fault);
  if (code === null) throw fault;
  if (code === 'ENOENT') return unavailable(tried, 'not there (ENOENT)', absent);
  return unavailable(tried, `the system says ${code}`, ADVICE[code] ?? 'see the log of the kernel');
}
