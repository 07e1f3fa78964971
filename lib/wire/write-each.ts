import { refusal, RefusalError } from '../core/errors.ts';

interface WritableCall {
  write(chunk: Buffer, callback: (error?: Error | null) => void): boolean;
}

interface WriteParts<T> {
  readonly call: WritableCall;
  readonly items: AsyncIterable<T>;
  readonly encode: (item: T) => Buffer;
  /** Ends the writing, however long the next item takes. */
  readonly signal: AbortSignal;
  readonly stallMs: number;
  /** The peer has read nothing for `stallMs`. */
  readonly onStall: () => void;
}

/** Writes item after item, each when the one before it was taken. Resolves at the end of the items or at abort. */
export async function writeEach<T>({ call, items, encode, signal, stallMs, onStall }: WriteParts<T>): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const item = await unlessAborted(iterator.next(), signal);
      if (item === null || item.done === true) return;
      const taken = await unlessAborted(write(call, encode(item.value), stallMs), signal);
      if (taken === null) return;
      if (taken === 'stalled') {
        onStall();
        throw new RefusalError(refusal('E-CHANNEL-TIMEOUT', 'the peer does not read'));
      }
    }
  } finally {
    // Not awaited: a generator that waits for its next item would hold the call open for ever.
    iterator.return?.().catch(() => undefined);
  }
}

function write(call: WritableCall, bytes: Buffer, stallMs: number): Promise<'taken' | 'stalled'> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      resolve('stalled');
    }, stallMs);
    call.write(bytes, (error) => {
      clearTimeout(timer);
      if (error) reject(new RefusalError(refusal('E-TRANSPORT', 'the stream broke off')));
      else resolve('taken');
    });
  });
}

/**
 * The outcome of `work`, or null once `signal` aborts. Not a race against one promise of the abort: that would keep a
 * trace of every item for as long as somebody watches.
 */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      signal.removeEventListener('abort', stop);
      resolve(null);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop);
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', stop);
    });
  });
}
