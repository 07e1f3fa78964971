import { Metadata, type ClientReadableStream } from '@grpc/grpc-js';
import { RefusalError, type Refusal } from '../core/errors.ts';
import { err, type Result } from '../core/result.ts';
import type { Connection } from './connection.ts';
import type { Method, MethodTable, StreamMethod, UnaryMethod } from './method.ts';
import { BYTES } from './service.ts';
import { refusalFromError } from './status.ts';

export interface UnaryOptions {
  /** Otherwise the connection's. */
  readonly deadlineMs?: number;
}

export interface StreamOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** Unary methods give a Result; streams are iterated, end with the server's end, and throw a RefusalError. */
export type ClientOf<Table extends MethodTable> = {
  readonly [Name in keyof Table]: Table[Name] extends UnaryMethod<infer Request, infer Response>
    ? (request: Request, options?: UnaryOptions) => Promise<Result<Response, Refusal>>
    : Table[Name] extends StreamMethod<infer Request, infer Response>
      ? (request: Request, options?: StreamOptions) => AsyncIterable<Response>
      : never;
};

/** A typed client of one service, such as `clientOf(connection, studyMethods)`. */
export function clientOf<Table extends MethodTable>(connection: Connection, table: Table): ClientOf<Table> {
  const methods = Object.entries<Method>(table).map(([name, method]) => [
    name,
    method.kind === 'unary'
      ? (request: unknown, options?: UnaryOptions) => callUnary(connection, method, request, options)
      : (request: unknown, options?: StreamOptions) => callStream(connection, method, request, options),
  ]);
  return Object.fromEntries(methods) as ClientOf<Table>;
}

function callUnary(
  { grpc, limits, track }: Connection,
  { path, request, response }: UnaryMethod<unknown, unknown>,
  message: unknown,
  { deadlineMs = limits.deadlineMs }: UnaryOptions = {},
): Promise<Result<unknown, Refusal>> {
  return new Promise((resolve) => {
    const call = grpc.makeUnaryRequest(
      path,
      BYTES.requestSerialize,
      BYTES.responseDeserialize,
      request.encode(message),
      new Metadata(),
      { deadline: Date.now() + deadlineMs },
      (error, answer) => {
        finished();
        resolve(error === null && answer !== undefined ? response.decode(answer) : err(refusalFromError(error)));
      },
    );
    const finished = track(() => {
      call.cancel();
    });
  });
}

async function* callStream(
  { grpc, track }: Connection,
  { path, request, response }: StreamMethod<unknown, unknown>,
  message: unknown,
  { signal }: StreamOptions = {},
): AsyncGenerator {
  const ended = (): boolean => signal?.aborted ?? false;
  if (ended()) return;
  const call = grpc.makeServerStreamRequest(
    path,
    BYTES.requestSerialize,
    BYTES.responseDeserialize,
    request.encode(message),
  );
  const cancel = (): void => {
    call.cancel();
  };
  signal?.addEventListener('abort', cancel);
  const finished = track(cancel);
  try {
    for await (const bytes of messagesOf(call)) {
      const decoded = response.decode(bytes);
      if (!decoded.ok) throw new RefusalError(decoded.error);
      yield decoded.value;
    }
  } catch (error) {
    if (!ended()) throw new RefusalError(refusalFromError(error));
  } finally {
    finished();
    signal?.removeEventListener('abort', cancel);
    // After the iteration an error has no listener left, and cancelling may cause one.
    call.on('error', () => undefined);
    call.cancel();
  }
}

const messagesOf = (call: ClientReadableStream<Buffer>): AsyncIterable<Buffer> => call;
