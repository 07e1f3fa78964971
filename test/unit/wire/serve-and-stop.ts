/** Run as a process of its own by serve.test.ts: whatever the server or the client left open would keep it alive. */
import { clientOf } from '../../../lib/wire/client.ts';
import { openChannel } from '../../../lib/wire/session-client.ts';
import { sessionService } from '../../../lib/wire/session-service.ts';
import { studyMethods } from '../../../lib/wire/study-codec.ts';
import { ALPHA, certificateOf, COORDINATOR, dial, serve } from './consortium.ts';
import { studyDesk } from './study-desk.ts';

const channel = sessionService('enclave', async (frames) => {
  await frames.next();
});
const server = await serve(COORDINATOR, [studyDesk(), channel]);
const connection = dial(server, certificateOf('site', ALPHA));
const status = await clientOf(connection, studyMethods).getStatus({});
const frames = openChannel(connection, ALPHA);
await frames.send(Uint8Array.of(1));
await frames.next();
const waiting = openChannel(connection, ALPHA)
  .next()
  .catch(() => null);
connection.close();
await waiting;
await server.stop(1000);

process.stdout.write(status.ok ? status.value.phase : status.error.code);
