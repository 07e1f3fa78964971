import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesEqual } from '../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import type { OrganisationId } from '../../lib/core/ids.ts';
import { decodeModelFile, type ModelFile } from '../../lib/learning/model-file.ts';
import { receivedFileNames } from '../../site-agent/received-models.ts';

const POLL_MS = 25;

/** A model and its passport bundle as a hospital's agent stored them. */
export interface Received {
  readonly model: ModelFile;
  readonly modelBytes: Uint8Array;
  readonly bundle: Uint8Array;
}

export type Outputs = ReadonlyMap<OrganisationId, string>;

interface Waiting {
  readonly round: number;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** The model of `round` as the first hospital to store it received it. */
export async function anyReceived(outputs: Outputs, { round, withinMs, signal }: Waiting): Promise<Received> {
  const until = performance.now() + withinMs;
  while (performance.now() < until && !signal.aborted) {
    for (const folder of outputs.values()) {
      const received = await readReceived(folder, round);
      if (received !== null) return received;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new RefusalError(
    signal.aborted
      ? refusal('E-INTERRUPTED')
      : refusal('E-CHANNEL-TIMEOUT', `no hospital stored the model of round ${round}`),
  );
}

/** Waits until every one of `sites` holds the model of `round`, or the time is over. */
export async function allReceived(
  outputs: Outputs,
  sites: readonly string[],
  { round, withinMs, signal }: Waiting,
): Promise<void> {
  const until = performance.now() + withinMs;
  const waited = [...outputs].filter(([id]) => sites.includes(id));
  for (const [, folder] of waited) {
    while (performance.now() < until && !signal.aborted && (await readReceived(folder, round)) === null)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The model of `round`, which must be the same wherever it is. Throws RefusalError E-RELEASE-INVALID. */
export async function sameReceived(outputs: Outputs, round: number): Promise<Received> {
  let first: Received | null = null;
  for (const [id, folder] of outputs) {
    const received = await readReceived(folder, round);
    if (received === null) continue;
    first ??= received;
    if (!bytesEqual(received.model.digest, first.model.digest))
      throw new RefusalError(refusal('E-RELEASE-INVALID', `${id} received another model than the others`));
  }
  if (first === null)
    throw new RefusalError(refusal('E-CHANNEL-TIMEOUT', `no hospital has the model of round ${round}`));
  return first;
}

async function readReceived(folder: string, round: number): Promise<Received | null> {
  const names = receivedFileNames(round);
  try {
    // The model is written last: where it is, the passport is too.
    const modelBytes = new Uint8Array(await readFile(join(folder, names.model)));
    const bundle = new Uint8Array(await readFile(join(folder, names.passport)));
    const model = decodeModelFile(modelBytes);
    if (!model.ok) throw new RefusalError(model.error);
    return { model: model.value, modelBytes, bundle };
  } catch (fault) {
    if (fault instanceof Error && 'code' in fault && fault.code === 'ENOENT') return null;
    throw fault;
  }
}
