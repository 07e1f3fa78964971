/**
 * Files that a kernel makes up as they are read and written (configfs, `/dev/attestation`). Every method rejects with
 * the system's error, whose `code` is its name (`EBUSY`).
 */
export interface PseudoFiles {
  makeFolder(path: string): Promise<void>;
  removeFolder(path: string): Promise<void>;
  /** One open, one write of all bytes, one close: such files take each write as a whole message. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** The whole file in one open; EFBIG when it holds more than `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array>;
  /** Resolves when this process may open the file for reading and writing. */
  mayUse(path: string): Promise<void>;
}
