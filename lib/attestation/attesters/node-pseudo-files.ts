import { access, constants, mkdir, open, rmdir } from 'node:fs/promises';
import type { PseudoFiles } from './pseudo-files.ts';

/** The real file system. */
export const nodePseudoFiles: PseudoFiles = {
  makeFolder: (path) => mkdir(path, { mode: 0o700 }).then(() => undefined),
  removeFolder: (path) => rmdir(path),
  mayUse: (path) => access(path, constants.R_OK | constants.W_OK),
  async write(path, bytes) {
    // Neither created nor cut, and not opened for reading: configfs refuses that for what can only be written.
    const file = await open(path, constants.O_WRONLY);
    try {
      const { bytesWritten } = await file.write(bytes);
      if (bytesWritten !== bytes.length) throw Object.assign(new Error('short write'), { code: 'EIO' });
    } finally {
      await file.close();
    }
  },
  async read(path, maxBytes) {
    const file = await open(path, 'r');
    try {
      const bytes = new Uint8Array(maxBytes + 1);
      for (let length = 0; length <= maxBytes;) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length);
        if (bytesRead === 0) return bytes.slice(0, length);
        length += bytesRead;
      }
      throw Object.assign(new Error('file too large'), { code: 'EFBIG' });
    } finally {
      await file.close();
    }
  },
};
