import { WIRE_LIMITS } from './field-shapes.ts';

/**
 * The statements that one GetStatementsResponse carries: from the first on, at most `limit`, and no more than fit one
 * message; never none when there is one.
 */
export function statementPage(statements: Iterable<Uint8Array>, limit: number): Uint8Array[] {
  const page: Uint8Array[] = [];
  let sizeBytes = 0;
  for (const statement of statements) {
    sizeBytes += statement.length;
    if (page.length === limit || (page.length > 0 && sizeBytes > WIRE_LIMITS.statementPageBytes)) break;
    page.push(statement);
  }
  return page;
}
