/** Longest stretch without letting the agent answer challenges and keep-alives. */
const SLICE_MS = 50;

/** To be awaited between the pieces of long work: gives the event loop a turn when enough time has passed since the last. */
export function eventLoopTurns(): () => Promise<void> {
  let sliceEnd = performance.now() + SLICE_MS;
  return async () => {
    if (performance.now() < sliceEnd) return;
    await new Promise((resolve) => setImmediate(resolve));
    sliceEnd = performance.now() + SLICE_MS;
  };
}
