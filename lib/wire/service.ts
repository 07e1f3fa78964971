import {
  status as grpcStatus,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type StatusObject,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { identityOfCall, signalOfCall, type CallContext, type ServiceHost } from './call-context.ts';
import type { Method, MethodTable, StreamMethod, UnaryMethod } from './method.ts';
import { authorise } from './peer-identity.ts';
import { refusalFromThrown, statusFromRefusal } from './status.ts';
import { writeEach } from './write-each.ts';

/** What a server offers under one service name. */
export interface WireService {
  readonly definition: ServiceDefinition;
  readonly implement: (host: ServiceHost) => UntypedServiceImplementation;
}

export type UnaryHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Promise<Result<Response, Refusal>>;

/** The responses may go on for ever; the iterator is returned from when the caller is gone. */
export type StreamHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Promise<Result<AsyncIterable<Response>, Refusal>>;

export type HandlersOf<Table extends MethodTable> = {
  readonly [Name in keyof Table]: Table[Name] extends UnaryMethod<infer Request, infer Response>
    ? UnaryHandler<Request, Response>
    : Table[Name] extends StreamMethod<infer Request, infer Response>
      ? StreamHandler<Request, Response>
      : never;
};

/** gRPC carries bytes only: our codecs run inside the handlers, so that a bad message is refused by name. */
export const BYTES = {
  requestSerialize: (bytes: Buffer): Buffer => bytes,
  requestDeserialize: (bytes: Buffer): Buffer => bytes,
  responseSerialize: (bytes: Buffer): Buffer => bytes,
  responseDeserialize: (bytes: Buffer): Buffer => bytes,
};

/** Every method checks, in this order: who calls, the message, then the handler's own rules. */
export function tableService<Table extends MethodTable>(table: Table, handlers: HandlersOf<Table>): WireService {
  const entries = Object.entries<Method>(table);
  const definition: ServiceDefinition = Object.fromEntries(
    entries.map(([name, { path, kind }]) => [
      name,
      { path, requestStream: false, responseStream: kind === 'stream', ...BYTES },
    ]),
  );
  const implement = (host: ServiceHost): UntypedServiceImplementation =>
    Object.fromEntries(
      entries.map(([name, method]) => {
        const handler: unknown = handlers[name];
        return [
          name,
          method.kind === 'unary'
            ? unaryCall(method, handler as UnaryHandler<unknown, unknown>, host)
            : streamCall(method, handler as StreamHandler<unknown, unknown>, host),
        ];
      }),
    );
  return { definition, implement };
}

type IncomingCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

function unaryCall(method: UnaryMethod<unknown, unknown>, handler: UnaryHandler<unknown, unknown>, host: ServiceHost) {
  return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const answer = async (): Promise<Result<Buffer, Refusal>> => {
      const admitted = admit(method, call);
      if (!admitted.ok) return admitted;
      const response = await handler(admitted.value.request, admitted.value.context);
      return response.ok ? ok(method.response.encode(response.value)) : response;
    };
    settled(answer(), host)
      .then((answered) => {
        if (answered.ok) callback(null, answered.value);
        else callback(answered.error);
      })
      .catch(host.onFault);
  };
}

function streamCall(
  method: StreamMethod<unknown, unknown>,
  handler: StreamHandler<unknown, unknown>,
  host: ServiceHost,
) {
  return (call: ServerWritableStream<Buffer, Buffer>): void => {
    const serve = async (): Promise<Result<void, Refusal>> => {
      const admitted = admit(method, call);
      if (!admitted.ok) return admitted;
      const { request, context } = admitted.value;
      const responses = await handler(request, context);
      if (!responses.ok) return responses;
      await writeEach({
        call,
        items: responses.value,
        encode: (item) => method.response.encode(item),
        signal: context.signal,
        stallMs: host.stallMs,
        onStall: () => {
          host.hangUp(call.getPeer());
        },
      });
      return ok(undefined);
    };
    settled(serve(), host)
      .then((served) => {
        if (served.ok) call.end();
        else call.emit('error', served.error);
      })
      .catch(host.onFault);
  };
}

function admit(method: Method, call: IncomingCall): Result<{ request: unknown; context: CallContext }, Refusal> {
  const peer = authorise(identityOfCall(call), method.roles);
  if (!peer.ok) return peer;
  const request = method.request.decode(call.request);
  if (!request.ok) return request;
  return ok({ request: request.value, context: { peer: peer.value, signal: signalOfCall(call) } });
}

type Failure = Error & Partial<StatusObject>;

/** A refusal is told to the caller; whatever else a handler throws stays here. */
export async function settled<T>(work: Promise<Result<T, Refusal>>, host: ServiceHost): Promise<Result<T, Failure>> {
  try {
    const outcome = await work;
    return outcome.ok ? outcome : err(refusedStatus(outcome.error, host));
  } catch (thrown) {
    const refused = refusalFromThrown(thrown);
    if (refused !== null) return err(refusedStatus(refused, host));
    host.onFault(thrown);
    return err(Object.assign(new Error('internal error'), { code: grpcStatus.INTERNAL, details: 'internal error' }));
  }
}

function refusedStatus(refused: Refusal, host: ServiceHost): Failure {
  host.onRefused(refused);
  return Object.assign(new Error(refused.code), statusFromRefusal(refused));
}
