import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  rmSync,
  statSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { refusal, RefusalError } from '../core/errors.ts';

const OWNER_ONLY = 0o600;
const GROUP_AND_OTHERS = 0o077;
const IS_WINDOWS = process.platform === 'win32';

/**
 * Looks at what lies at `path` before it is opened; false: nothing does. Throws RefusalError for a folder or device
 * (E-STORE-PATH), for what another user owns or others may read (E-STORE-PERMISSION; not checked on Windows), and for
 * a log without its file, which this program never leaves behind (E-STORE-DAMAGED).
 */
export function checkStoreFile(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    if (!existsSync(`${path}-wal`)) return false;
    throw new RefusalError(refusal('E-STORE-DAMAGED', `${path}: its -wal file is here, the file itself is gone`));
  }
  if (!found.isFile()) throw new RefusalError(refusal('E-STORE-PATH', `${path}: is not a file`));
  if (!IS_WINDOWS) checkOwner(path, found);
  // SQLite would open what may only be read, and leave a log with the same rights, which outlast the mistake.
  accessSync(path, constants.R_OK | constants.W_OK);
  return true;
}

/** Its owner can read it and change what this program believes; so can a group or others that are let in. */
function checkOwner(path: string, { mode, uid }: Stats): void {
  const refuse = (got: string, want: string): never => {
    throw new RefusalError(refusal('E-STORE-PERMISSION', path, { got, want }));
  };
  const user = process.geteuid?.();
  if (user !== undefined && uid !== user) refuse(`owned by user ${uid}`, `owned by user ${user}, who runs the program`);
  if ((mode & GROUP_AND_OTHERS) !== 0) refuse(`mode 0${(mode & 0o777).toString(8)}`, 'mode 0600 (chmod 600)');
}

/**
 * Makes the file at `path` whole or not at all: `fill` writes it under another name, and then it gets its own. Where
 * another process was first, its file stays.
 */
export function makeStoreFile(path: string, fill: (path: string) => void): void {
  const draft = `${path}.${randomBytes(8).toString('hex')}.new`;
  try {
    // Before anything is in it: the log and shared memory of SQLite copy the mode of their database.
    closeSync(openSync(draft, 'wx', OWNER_ONLY));
    chmodSync(draft, OWNER_ONLY);
    fill(draft);
    linkUnlessThere(draft, path);
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(draft + suffix, { force: true });
  }
  syncFolder(dirname(path));
}

function linkUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (fault) {
    if (!(fault instanceof Error && 'code' in fault && fault.code === 'EEXIST')) throw fault;
  }
}

/** A new name is durable only once its folder is synced; Windows cannot and need not. */
function syncFolder(path: string): void {
  if (IS_WINDOWS) return;
  const folder = openSync(path, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/**
 * Watches that `path` stays the file that is open: after a `mv` or `rm` SQLite would go on with a file that has no
 * name, and everything stored from then on would be gone with the program. Throws RefusalError E-STORE-PATH.
 */
export function placeGuard(path: string): () => void {
  if (IS_WINDOWS) return () => undefined;
  const { dev, ino } = statSync(path);
  return () => {
    const now = statSync(path, { throwIfNoEntry: false });
    if (now?.ino !== ino || now.dev !== dev) {
      throw new RefusalError(refusal('E-STORE-PATH', `${path}: was moved or replaced while the program runs`));
    }
  };
}
