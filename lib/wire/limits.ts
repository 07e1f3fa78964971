import type { ChannelOptions } from '@grpc/grpc-js';
import type { Rate } from './rate-limit.ts';

/** What one server of ours bears; every number is set here, none is gRPC's or node's default. */
export interface ServerLimits {
  /** TLS connections that have shown a certificate, all peers together. */
  readonly maxConnections: number;
  /** The same, per identity in the certificate: one site cannot take every place. */
  readonly maxConnectionsPerPeer: number;
  /** TCP connections that have not finished the TLS handshake: another one takes the place of an old one. */
  readonly maxHandshakes: number;
  /** The same, from one address. */
  readonly maxHandshakesPerAddress: number;
  /** From accepted TCP connection to the first byte of the handshake. */
  readonly firstByteTimeoutMs: number;
  /** From accepted TCP connection to finished handshake. */
  readonly handshakeTimeoutMs: number;
  /** Calls at a time on one connection. */
  readonly maxConcurrentStreams: number;
  /** Sessions that one site may begin, because each handshake costs the enclave a key pair (PROTOCOL §4.1). */
  readonly newChannels: Rate;
  /** Largest protobuf message, in and out. */
  readonly maxMessageBytes: number;
  /** What node may hold for one HTTP/2 session. */
  readonly maxSessionMemoryMiB: number;
  /** A connection without a call is closed after this. */
  readonly idleMs: number;
  /** A peer that reads nothing for this long while something is sent to it is cut off. */
  readonly stallMs: number;
  /** A connection is asked to end after this, so that an expired certificate does not live on in it. */
  readonly connectionAgeMs: number;
  readonly connectionAgeGraceMs: number;
  /** Training holds a site's event loop, so that a ping may wait long for its answer. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

const MINUTE = 60_000;

export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  // Sites (WIRE_LIMITS.sites) twice, so that a site that reconnects finds a place, and some researchers.
  maxConnections: 2048,
  maxConnectionsPerPeer: 8,
  maxHandshakes: 512,
  maxHandshakesPerAddress: 128,
  firstByteTimeoutMs: 5_000,
  handshakeTimeoutMs: 10_000,
  maxConcurrentStreams: 32,
  newChannels: { count: 10, windowMs: 10_000 },
  maxMessageBytes: 8 << 20,
  maxSessionMemoryMiB: 64,
  idleMs: 5 * MINUTE,
  stallMs: MINUTE,
  connectionAgeMs: 360 * MINUTE,
  connectionAgeGraceMs: 10 * MINUTE,
  keepaliveMs: MINUTE,
  keepaliveTimeoutMs: MINUTE,
};

export interface ClientLimits {
  readonly maxMessageBytes: number;
  readonly stallMs: number;
  /** Of a unary call, unless the caller says otherwise. */
  readonly deadlineMs: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Longest pause between two attempts to connect. */
  readonly reconnectMs: number;
}

export const DEFAULT_CLIENT_LIMITS: ClientLimits = {
  maxMessageBytes: 8 << 20,
  stallMs: MINUTE,
  deadlineMs: 20_000,
  keepaliveMs: MINUTE,
  keepaliveTimeoutMs: MINUTE,
  reconnectMs: 5_000,
};

/** HTTP/2 windows of one frame's size: with node's 64 KiB a long line would idle between windows. */
const FLOW_CONTROL_WINDOW = 1 << 20;

export const serverOptions = (limits: ServerLimits): ChannelOptions => ({
  'grpc.max_concurrent_streams': limits.maxConcurrentStreams,
  'grpc.max_receive_message_length': limits.maxMessageBytes,
  'grpc.max_send_message_length': limits.maxMessageBytes,
  'grpc.max_connection_idle_ms': limits.idleMs,
  'grpc.max_connection_age_ms': limits.connectionAgeMs,
  'grpc.max_connection_age_grace_ms': limits.connectionAgeGraceMs,
  'grpc.keepalive_time_ms': limits.keepaliveMs,
  'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
  'grpc-node.max_session_memory': limits.maxSessionMemoryMiB,
  'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW,
  'grpc.enable_channelz': 0,
});

export const clientOptions = (limits: ClientLimits): ChannelOptions => ({
  'grpc.max_receive_message_length': limits.maxMessageBytes,
  'grpc.max_send_message_length': limits.maxMessageBytes,
  'grpc.keepalive_time_ms': limits.keepaliveMs,
  'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
  'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': limits.reconnectMs,
  // gRPC's own retries answer a write before it is sent, which would hide a peer that does not read.
  'grpc.enable_retries': 0,
  // A connection belongs to one caller, who can close it.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
});
