import { Metadata, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';
import { refusal, type Refusal } from '../core/errors.ts';
import { isOrganisationId, type OrganisationId } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { identityOfCall, signalOfCall, type CallContext, type ServiceHost } from './call-context.ts';
import type { FrameStream } from './frame-duplex.ts';
import { CallFrames } from './frame-stream.ts';
import { authorise, identityUri, requireOrganisation, type PeerIdentity } from './peer-identity.ts';
import { RateLimit } from './rate-limit.ts';
import { BYTES, settled, type WireService } from './service.ts';
import { CHANNEL_PATH, CHANNEL_ROLES, SITE_METADATA } from './session-codec.ts';
import { statusFromRefusal } from './status.ts';

export interface SessionContext extends CallContext {
  /** The certificate's organisation, or, from the relay, whose frames it says it carries: informative only. */
  readonly site: OrganisationId;
}

/** Owns `frames` until it settles; then the stream ends, with the refusal if it threw a RefusalError. */
export type SessionHandler = (frames: FrameStream, context: SessionContext) => Promise<void>;

/** Who hosts: the enclave, dialled by sites and by the relay, or the relay, dialled by sites only. */
export type SessionHost = keyof typeof CHANNEL_ROLES;

const definition: ServiceDefinition = {
  channel: { path: CHANNEL_PATH, requestStream: true, responseStream: true, ...BYTES },
};

/** SessionService: opaque frames in both directions (PROTOCOL §4). */
export function sessionService(hosted: SessionHost, handler: SessionHandler): WireService {
  const implement = (host: ServiceHost) => {
    const begun = new RateLimit(host.newChannels);
    return { channel: channelOf({ hosted, handler, host, begun }) };
  };
  return { definition, implement };
}

interface ChannelParts {
  readonly hosted: SessionHost;
  readonly handler: SessionHandler;
  readonly host: ServiceHost;
  readonly begun: RateLimit;
}

function channelOf({ hosted, handler, host, begun }: ChannelParts) {
  return (call: ServerDuplexStream<Buffer, Buffer>): void => {
    const frames = framesOf(call, host);
    const refuse = (failure: Error): void => {
      frames.endWith(refusal('E-TRANSPORT', 'the stream was refused'), () => call.emit('error', failure));
    };
    const serve = async (): Promise<Result<void, Refusal>> => {
      const context = contextOf(call, hosted);
      if (!context.ok) return context;
      const { peer, site } = context.value;
      // Per site also behind the relay, so that one site takes no other's share of the relay's connection.
      if (!begun.take(`${identityUri(peer)} ${site}`)) return err(refusal('E-TRANSPORT', 'too many new sessions'));
      await handler(frames, context.value);
      return ok(undefined);
    };
    settled(serve(), host)
      .then((served) => {
        if (served.ok) frames.close();
        else refuse(served.error);
      })
      .catch(host.onFault);
  };
}

function framesOf(call: ServerDuplexStream<Buffer, Buffer>, host: ServiceHost): CallFrames {
  const oneParty = identityOfCall(call)?.role === 'site';
  const frames = new CallFrames(call, {
    stallMs: host.stallMs,
    confirmEnd: () => {
      // Sending headers makes grpc-js look at the stream's state and emit 'cancelled' if it was reset.
      call.sendMetadata(new Metadata());
    },
    finish: () => call.end(),
    refuse: (reason) => call.emit('error', Object.assign(new Error(reason.code), statusFromRefusal(reason))),
    cut: () => {
      // The relay's connection carries the streams of other sites too: one that hangs is left to the relay.
      if (oneParty) host.hangUp(call.getPeer());
    },
  });
  call.on('cancelled', () => {
    frames.fail(refusal('E-TRANSPORT', 'the peer is gone'));
  });
  return frames;
}

function contextOf(call: ServerDuplexStream<Buffer, Buffer>, hosted: SessionHost): Result<SessionContext, Refusal> {
  const peer = authorise(identityOfCall(call), CHANNEL_ROLES[hosted]);
  if (!peer.ok) return peer;
  const site = siteOf(peer.value, call.metadata.get(SITE_METADATA));
  return site.ok ? ok({ peer: peer.value, site: site.value, signal: signalOfCall(call) }) : site;
}

/** A site speaks for itself; the relay says for whom. */
function siteOf(peer: PeerIdentity, named: readonly unknown[]): Result<OrganisationId, Refusal> {
  const [site] = named;
  if (site === undefined && peer.role === 'site') return ok(peer.id);
  if (named.length !== 1 || typeof site !== 'string' || !isOrganisationId(site)) {
    return err(refusal('E-MESSAGE-INVALID', `metadata ${SITE_METADATA}: must name one organisation`));
  }
  if (peer.role !== 'site') return ok(site);
  const own = requireOrganisation(peer, site);
  return own.ok ? ok(site) : own;
}
