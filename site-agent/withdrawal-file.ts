import { readFile } from 'node:fs/promises';
import type { Stop } from '../lib/config/run-program.ts';

const POLL_MS = 500;

/**
 * Waits for the file that `consilium contract withdraw` leaves beside the agent, and hands its bytes over once. A file
 * that is refused is told of and waited for again: it may be half written.
 */
export async function watchForWithdrawal(
  path: string,
  {
    stop,
    withdraw,
    onRefused,
  }: { stop: Stop; withdraw: (bytes: Uint8Array) => Promise<void>; onRefused: (fault: unknown) => void },
): Promise<void> {
  let refused: string | null = null;
  while (!stop.signal.aborted) {
    const bytes = await readFile(path).catch(() => null);
    if (bytes !== null && bytes.toString('base64') !== refused) {
      try {
        await withdraw(new Uint8Array(bytes));
        return;
      } catch (fault) {
        refused = bytes.toString('base64');
        onRefused(fault);
      }
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      timer.unref();
    });
  }
}
