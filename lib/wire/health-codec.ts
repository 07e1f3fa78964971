import { z } from 'zod';
import { line } from './field-shapes.ts';
import { healthType } from './load-proto.ts';
import { messageCodec } from './message-codec.ts';
import { stream, unary, type Roles } from './method.ts';
import { ROLES } from './peer-identity.ts';

const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
export type ServingStatus = (typeof STATUSES)[number];

const request = messageCodec({
  name: 'HealthCheckRequest',
  type: healthType('HealthCheckRequest'),
  shape: z.object({ service: line(200) }),
  toWire: (message) => message,
});

const response = messageCodec({
  name: 'HealthCheckResponse',
  type: healthType('HealthCheckResponse'),
  shape: z.object({ status: z.enum(STATUSES) }),
  toWire: (message) => message,
});

const service = '/grpc.health.v1.Health';
const roles: Roles = ROLES;

/** grpc.health.v1.Health, for every certificate of the consortium. */
export const healthMethods = {
  check: unary({ path: `${service}/Check`, roles, request, response }),
  watch: stream({ path: `${service}/Watch`, roles, request, response }),
};
