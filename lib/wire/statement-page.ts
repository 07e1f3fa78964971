import { z } from 'zod';
import { pageOf } from '../core/page.ts';
import { bytes, safeInteger, WIRE_LIMITS } from './field-shapes.ts';
import { wireType } from './load-proto.ts';
import { messageCodec } from './message-codec.ts';

/** The statements of a chain from `fromCounter` on; an empty page is its end. */
export const getStatementsRequest = messageCodec({
  name: 'GetStatementsRequest',
  type: wireType('GetStatementsRequest'),
  shape: z.object({ fromCounter: safeInteger, limit: z.int().positive().max(WIRE_LIMITS.statements) }),
  toWire: (message) => message,
});

export const getStatementsResponse = messageCodec({
  name: 'GetStatementsResponse',
  type: wireType('GetStatementsResponse'),
  shape: z.object({ statements: z.array(bytes(WIRE_LIMITS.statementBytes)).max(WIRE_LIMITS.statements) }),
  toWire: (message) => message,
});

/**
 * The statements that one GetStatementsResponse carries: from the first on, at most `limit`, and no more than fit one
 * message; never none when there is one.
 */
export const statementPage = (statements: Iterable<Uint8Array>, limit: number): Uint8Array[] =>
  pageOf(statements, { count: limit, sizeBytes: WIRE_LIMITS.statementPageBytes });
