import { createInterface } from 'node:readline/promises';
import { refusal, RefusalError } from '../../lib/core/errors.ts';

/** One line typed at the terminal behind this process; null when there is none. Throws RefusalError on Ctrl-C and Ctrl-D. */
export async function askLine(question: string): Promise<string | null> {
  if (!process.stdin.isTTY) return null;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<never>((_resolve, reject) => {
    lines.once('close', () => {
      reject(new RefusalError(refusal('E-INTERRUPTED')));
    });
  });
  try {
    return await Promise.race([lines.question(question), closed]);
  } finally {
    lines.close();
  }
}
