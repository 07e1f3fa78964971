import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { refusal, RefusalError } from '../../core/errors.ts';
import { EMPTY_STATE, encodeState, readState, type CollateralState } from '../collateral/collateral-state.ts';

/**
 * A folder of whole states, each in a file of its own: `state-7.cbor` follows `state-6.cbor`. A state is written and
 * synced under another name and then linked to the next number, which one process alone can take. Marks and items lie
 * in one file: whatever is killed when, they belong together.
 */
const STATE_FILE = /^state-([1-9]\d{0,14})\.cbor$/;
const DRAFT = /^draft-[0-9a-f]{16}$/;
/** Older states that stay, so that whoever is about to link to an old number finds it taken. */
const KEPT = 3;
const MAX_ATTEMPTS = 100;
const OWNER_ONLY = 0o600;
const DAY_MS = 86_400_000;

export interface FolderState {
  /** 0: nothing was stored yet. */
  readonly generation: number;
  readonly state: CollateralState;
}

/** Number of the newest state; 0: none. Throws E-STORE-PATH where there is no such folder. */
export const newestGeneration = (folder: string): number => Math.max(0, ...generationsIn(folder));

function generationsIn(folder: string): number[] {
  return namesIn(folder).flatMap((name) => {
    const [, digits] = STATE_FILE.exec(name) ?? [];
    return digits === undefined ? [] : [Number(digits)];
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (fault) {
    if (!hasCode(fault, 'ENOENT', 'ENOTDIR')) throw fault;
    throw new RefusalError(refusal('E-STORE-PATH', `${folder}: no folder of collateral`));
  }
}

/** Throws E-STORE-DAMAGED where the newest state cannot be read: an older one would bring the marks down. */
export function readFolder(folder: string): FolderState {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const generation = newestGeneration(folder);
    if (generation === 0) return { generation, state: EMPTY_STATE };
    const path = join(folder, nameOf(generation));
    const bytes = bytesAt(path);
    // Null: newer ones were stored meanwhile and this one was cleared away.
    if (bytes === null) continue;
    const read = readState(bytes);
    if (!read.ok) throw new RefusalError(refusal('E-STORE-DAMAGED', `${path}: ${read.error.detail}`));
    return { generation, state: read.value };
  }
  throw new Error('the folder of collateral changes too fast to be read');
}

/**
 * Replaces the state by what `change` makes of it; null: nothing is stored. Durable when it returns. `change` is called
 * again where another process was first, and may then be stored twice: it must be such that this makes no difference. The
 * folder is made if it is not there.
 */
export function updateFolder<T>(
  folder: string,
  change: (state: CollateralState) => { readonly state: CollateralState | null; readonly result: T },
): T {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const before = readFolder(folder);
    const { state, result } = change(before.state);
    if (state === null || append(folder, before.generation + 1, encodeState(state))) return result;
  }
  throw new Error('other programs change the folder of collateral all the time');
}

/** False: another process took this number. */
function append(folder: string, generation: number, bytes: Uint8Array): boolean {
  const draft = join(folder, `draft-${randomBytes(8).toString('hex')}`);
  try {
    const file = openSync(draft, 'wx', OWNER_ONLY);
    try {
      writeFileSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    linkSync(draft, join(folder, nameOf(generation)));
  } catch (fault) {
    if (hasCode(fault, 'EEXIST')) return false;
    throw fault;
  } finally {
    rmSync(draft, { force: true });
  }
  syncFolder(folder);
  // Whoever slept since it read may have taken a number that was cleared away: then much newer states exist.
  if (newestGeneration(folder) >= generation + KEPT) return false;
  clearAway(folder, generation);
  return true;
}

/** States that are no longer needed, and what killed processes left. */
function clearAway(folder: string, generation: number): void {
  for (const name of namesIn(folder)) {
    const [, digits] = STATE_FILE.exec(name) ?? [];
    const path = join(folder, name);
    const old = digits === undefined ? isAbandoned(name, path) : Number(digits) <= generation - KEPT;
    if (old) rmSync(path, { force: true });
  }
}

/** A draft lives for milliseconds; one from yesterday belongs to nobody. */
const isAbandoned = (name: string, path: string): boolean =>
  DRAFT.test(name) && Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > DAY_MS;

const nameOf = (generation: number): string => `state-${generation}.cbor`;

function bytesAt(path: string): Uint8Array | null {
  try {
    return readFileSync(path);
  } catch (fault) {
    if (hasCode(fault, 'ENOENT')) return null;
    throw fault;
  }
}

/** A new name is durable only once its folder is synced; Windows cannot and need not. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

const hasCode = (fault: unknown, ...codes: readonly string[]): boolean =>
  fault instanceof Error && 'code' in fault && codes.includes(String(fault.code));
