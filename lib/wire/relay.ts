import { refusal, type Refusal } from '../core/errors.ts';
import type { Connection } from './connection.ts';
import type { FrameStream } from './frame-duplex.ts';
import { openChannel } from './session-client.ts';
import { sessionService } from './session-service.ts';
import { refusalFromThrown } from './status.ts';
import type { WireService } from './service.ts';

/**
 * The coordinator's SessionService: each site's frames go to the enclave and back, unread. One frame at a time is
 * under way in each direction, so that the slower end sets the pace; ends and refusals are carried across.
 */
export function relayService(enclave: Connection): WireService {
  return sessionService('relay', async (site, context) => {
    const inner = openChannel(enclave, context.site);
    await Promise.all([pump(site, inner), pump(inner, site)]);
  });
}

async function pump(from: FrameStream, to: FrameStream): Promise<void> {
  try {
    for (let frame = await from.next(); frame !== null; frame = await from.next()) await to.send(frame);
    to.close();
  } catch (thrown) {
    const reason: Refusal = refusalFromThrown(thrown) ?? refusal('E-TRANSPORT', 'the relay failed');
    to.abort(reason);
    from.abort(reason);
    if (refusalFromThrown(thrown) === null) throw thrown;
  }
}
