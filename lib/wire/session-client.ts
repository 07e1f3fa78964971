import { Metadata, status as grpcStatus, type StatusObject } from '@grpc/grpc-js';
import { refusal } from '../core/errors.ts';
import type { OrganisationId } from '../core/ids.ts';
import type { Connection } from './connection.ts';
import type { FrameStream } from './frame-duplex.ts';
import { CallFrames } from './frame-stream.ts';
import { BYTES } from './service.ts';
import { CHANNEL_PATH, SITE_METADATA } from './session-codec.ts';
import { refusalFromError } from './status.ts';

/**
 * Opens SessionService.Channel to the enclave or the relay. `site`: for a site its own organisation, so that a wrong
 * certificate is noticed at once (E-ORG-IDENTITY); for the relay the site whose frames it carries.
 */
export function openChannel({ grpc, limits, track }: Connection, site: OrganisationId): FrameStream {
  const metadata = new Metadata();
  metadata.set(SITE_METADATA, site);
  const call = grpc.makeBidiStreamRequest(CHANNEL_PATH, BYTES.requestSerialize, BYTES.responseDeserialize, metadata);
  const cancel = (): void => {
    call.cancel();
  };
  const frames = new CallFrames(call, {
    stallMs: limits.stallMs,
    // gRPC tells the status before the end.
    confirmEnd: () => undefined,
    finish: () => call.end(),
    refuse: cancel,
    cut: cancel,
  });
  call.on('error', (error) => {
    frames.fail(refusalFromError(error));
  });
  const finished = track(cancel);
  call.on('status', (status: StatusObject) => {
    finished();
    if (status.code === grpcStatus.OK) frames.endSending(refusal('E-TRANSPORT', 'the peer ended the stream'));
  });
  return frames;
}
