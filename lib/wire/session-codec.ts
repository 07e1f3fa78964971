import { z } from 'zod';
import { bytes, WIRE_LIMITS } from './field-shapes.ts';
import { wireType } from './load-proto.ts';
import { messageCodec, type MessageCodec } from './message-codec.ts';
import type { Roles } from './method.ts';

/** Largest payload of one frame. */
export const MAX_FRAME_BYTES = WIRE_LIMITS.frameBytes;

/** Informative only: what the relay says about whose frames it carries (PROTOCOL §4: the transport is never trusted). */
export const SITE_METADATA = 'consilium-site';

/** One opaque frame, 1 byte to 1 MiB. */
export const frameCodec: MessageCodec<Uint8Array> = messageCodec({
  name: 'Frame',
  type: wireType('Frame'),
  shape: z.object({ payload: bytes(MAX_FRAME_BYTES) }).transform(({ payload }) => payload),
  toWire: (payload: Uint8Array) => ({ payload }),
});

export const CHANNEL_PATH = '/consilium.v1.SessionService/Channel';
/** The enclave is dialled by sites and by the relaying coordinator; a relay is dialled by sites only. */
export const CHANNEL_ROLES = {
  enclave: ['site', 'coordinator'],
  relay: ['site'],
} as const satisfies Record<string, Roles>;
