import type { EventStore } from './event-store.ts';

const PAGE = 256;

/** Every event of a stream, oldest first, read in pages: what is in memory does not grow with the stream. */
export async function* eachEvent(events: EventStore, stream: string): AsyncGenerator<Uint8Array> {
  for (let version = 0; ;) {
    const page = await events.read(stream, version, PAGE);
    yield* page;
    version += page.length;
    if (page.length < PAGE) return;
  }
}
