import { fileURLToPath } from 'node:url';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import type { ProtoGrpcType as ControlTypes } from '../../proto/consilium/v1/generated/control.ts';
import type { ProtoGrpcType as HealthTypes } from '../../proto/consilium/v1/generated/health.ts';
import type { ProtoGrpcType as SessionTypes } from '../../proto/consilium/v1/generated/session.ts';
import type { ProtoGrpcType as StudyTypes } from '../../proto/consilium/v1/generated/study.ts';

/** The folder that holds every .proto file of this repository. */
export const PROTO_ROOT = fileURLToPath(new URL('../../proto', import.meta.url));

export const PROTO_FILES = [
  'consilium/v1/session.proto',
  'consilium/v1/control.proto',
  'consilium/v1/study.proto',
  'grpc/health/v1/health.proto',
] as const;

/**
 * 64-bit fields become numbers: whatever lies above 2^53 − 1 is then no safe integer, which every codec refuses.
 * `optional` scalars that are absent stay absent, so that absence can be told from 0.
 */
export const LOADER_OPTIONS = { longs: Number, enums: String, defaults: true, oneofs: true } as const;

const SCHEMA_PACKAGE = 'consilium.v1';
const HEALTH_PACKAGE = 'grpc.health.v1';

type Packages = ControlTypes['consilium']['v1'] & SessionTypes['consilium']['v1'] & StudyTypes['consilium']['v1'];
type HealthPackage = HealthTypes['grpc']['health']['v1'];
type MessageName<Package> = {
  [Name in keyof Package]: Package[Name] extends MessageTypeDefinition<object, object> ? Name : never;
}[keyof Package] &
  string;

/** Protobuf bytes ⇄ plain objects of one message type; `deserialize` throws on bytes that are not the message. */
export interface WireType<Input extends object> {
  serialize(message: Input): Buffer;
  deserialize(bytes: Buffer): object;
}
type WireTypeOf<Definition> =
  Definition extends MessageTypeDefinition<infer Input extends object, object> ? WireType<Input> : never;

const definitions = loadSync([...PROTO_FILES], { ...LOADER_OPTIONS, includeDirs: [PROTO_ROOT] });

/** A message type of `consilium.v1`. */
export function wireType<Name extends MessageName<Packages>>(name: Name): WireTypeOf<Packages[Name]> {
  return definitions[`${SCHEMA_PACKAGE}.${name}`] as unknown as WireTypeOf<Packages[Name]>;
}

/** A message type of `grpc.health.v1`. */
export function healthType<Name extends MessageName<HealthPackage>>(name: Name): WireTypeOf<HealthPackage[Name]> {
  return definitions[`${HEALTH_PACKAGE}.${name}`] as unknown as WireTypeOf<HealthPackage[Name]>;
}
