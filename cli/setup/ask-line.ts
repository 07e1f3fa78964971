import { createInterface } from 'node:readline/promises';

/** One line typed at the terminal behind this process; null when there is no terminal or it was closed. */
export async function askLine(question: string): Promise<string | null> {
  if (!process.stdin.isTTY) return null;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<null>((resolve) => {
    lines.once('close', () => {
      resolve(null);
    });
  });
  try {
    return await Promise.race([lines.question(question), closed]);
  } finally {
    lines.close();
  }
}
