import { pageOf } from '../core/page.ts';
import { WIRE_LIMITS } from './field-shapes.ts';

/**
 * The statements that one GetStatementsResponse carries: from the first on, at most `limit`, and no more than fit one
 * message; never none when there is one.
 */
export const statementPage = (statements: Iterable<Uint8Array>, limit: number): Uint8Array[] =>
  pageOf(statements, { count: limit, sizeBytes: WIRE_LIMITS.statementPageBytes });
