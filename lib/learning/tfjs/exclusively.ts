let queue: Promise<unknown> = Promise.resolve();

/**
 * Runs jobs one after the other, in the order of the calls. TensorFlow.js has one active backend and one tensor count
 * for the whole process, and a training job gives the event loop a turn now and then.
 */
export function exclusively<T>(job: () => Promise<T>): Promise<T> {
  const result = queue.then(job);
  queue = result.catch(() => undefined);
  return result;
}
