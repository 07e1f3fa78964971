import type { MessageCodec } from './message-codec.ts';
import type { Role } from './peer-identity.ts';

/** At least one role: a method that nobody may call does not exist, one that everybody may call names them all. */
export type Roles = readonly [Role, ...Role[]];

interface MethodParts<Request, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly roles: Roles;
  readonly request: MessageCodec<Request>;
  readonly response: MessageCodec<Response>;
}

export interface UnaryMethod<Request, Response> extends MethodParts<Request, Response> {
  readonly kind: 'unary';
}

/** One request, many responses. */
export interface StreamMethod<Request, Response> extends MethodParts<Request, Response> {
  readonly kind: 'stream';
}

export type Method = UnaryMethod<unknown, unknown> | StreamMethod<unknown, unknown>;
export type MethodTable = Readonly<Record<string, Method>>;

export const unary = <Request, Response>(parts: MethodParts<Request, Response>): UnaryMethod<Request, Response> => ({
  kind: 'unary',
  ...parts,
});

export const stream = <Request, Response>(parts: MethodParts<Request, Response>): StreamMethod<Request, Response> => ({
  kind: 'stream',
  ...parts,
});
