import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Where a program of this name lies on PATH, as a shell would find it; null: nowhere. It is not started. */
export async function findProgram(name: string, path = process.env['PATH'] ?? ''): Promise<string | null> {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, name);
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (folder !== '' && found) return file;
  }
  return null;
}
