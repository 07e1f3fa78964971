import type { SealedContract } from '../lib/contract/study-contract.ts';
import { bytesEqual, toHex } from '../lib/core/bytes.ts';
import { refusal, RefusalError } from '../lib/core/errors.ts';
import type { Debit } from './event.ts';
import { decodeModelFile } from '../lib/learning/model-file.ts';
import { modelDigest } from '../lib/learning/weights.ts';
import type { Store } from '../lib/store/store.ts';
import { isBackupAccepted } from './accepted-backups.ts';
import { addContract, listContracts } from './contract-list.ts';
import { encodeSiteEvent } from './event-codec.ts';
import { keepModel, keptModel } from './kept-models.ts';
import { readPast, startOf, type PastContract } from './past-contracts.ts';
import { siteStream } from './replay-site.ts';
import { initialSiteState, type SiteEnvironment, type SiteModel, type SiteState } from './state.ts';
import { succeed } from './succession.ts';

interface Parts {
  readonly environment: Pick<SiteEnvironment, 'sealed' | 'layout'>;
  readonly store: Pick<Store, 'events' | 'blobs'>;
  /** The model file that the configuration names; null: none. */
  readonly readModel: () => Promise<Uint8Array | null>;
}

/**
 * The state in which a store begins the contract, or began it. The first time it ends every contract before: their
 * logs get a last event, so that an agent still running there can append nothing more, and one started there is refused.
 * Throws RefusalError for a contract that this hospital must not go on under (`succeed`), without a model to start from
 * (E-CONFIG), with another one (E-PREDECESSOR-INVALID), on an old copy that nobody has accepted (E-SITE-BEHIND), or
 * beside another agent (E-STORE-CONFLICT).
 */
export async function beginContract({ environment, store, readModel }: Parts): Promise<SiteState> {
  const { sealed } = environment;
  const listed = await listContracts(store);
  const initial = initialSiteState(startOf(sealed));
  if (listed.some(({ digest }) => bytesEqual(digest, sealed.digest))) return initial;
  const past = await readPast(store.events, listed);
  for (const earlier of past) await requireKnown(store, earlier);
  const admitted = succeed(past, sealed);
  if (!admitted.ok) throw new RefusalError(admitted.error);
  // Where the contract goes on from a model of this store, it is here under its name.
  const kept = await keptModel(store.blobs, startOf(sealed), environment);
  const brought = kept === null ? modelIn(await readModel(), environment) : null;
  // In this order: whatever is cut short here is done again, with the same outcome, when the agent is started again.
  for (const earlier of past) await end(store, earlier, sealed);
  if (brought !== null) await keepModel(store.blobs, brought);
  if (past.length > 0) await carry(store, sealed, admitted.value);
  await addContract(store, sealed, listed.length);
  return initial;
}

function modelIn(
  file: Uint8Array | null,
  { sealed: { contract }, layout }: Pick<SiteEnvironment, 'sealed' | 'layout'>,
): SiteModel {
  const { initialDigest: want } = contract.model;
  if (contract.predecessor === null)
    throw new RefusalError(refusal('E-CONTRACT-INVALID', 'model.initialDigest: the initial weights are others'));
  if (file === null) {
    const detail = `startingModel: this contract goes on from model ${toHex(want)}, which is not in this store`;
    throw new RefusalError(refusal('E-CONFIG', detail));
  }
  const model = decodeModelFile(file);
  if (!model.ok) throw new RefusalError({ ...model.error, detail: `startingModel: ${model.error.detail}` });
  const got = modelDigest(layout.digest, model.value.weights);
  if (bytesEqual(got, want)) return { round: 0, digest: want, weights: model.value.weights };
  throw new RefusalError(refusal('E-PREDECESSOR-INVALID', 'startingModel', { got: toHex(got), want: toHex(want) }));
}

/** A store that is an old copy does not go on before somebody has accepted what it forgot (PROTOCOL §7.13). */
async function requireKnown({ events }: Parts['store'], { sealed, state }: PastContract): Promise<void> {
  if (state.behind === null) return;
  if (await isBackupAccepted(events, { contract: sealed.digest, counter: state.behind })) return;
  throw new RefusalError(refusal('E-SITE-BEHIND', `under contract ${toHex(sealed.digest)}`));
}

/** Behind this event nothing is ever appended: an agent of that contract that is running stops at its next one. */
async function end({ events }: Parts['store'], past: PastContract, { digest }: SealedContract): Promise<void> {
  if (past.state.supersededBy !== null) return;
  const last = encodeSiteEvent({ type: 'superseded', by: digest });
  const ended = await events.append(siteStream(past.sealed.digest), past.version, [last]);
  if (!ended.ok) throw new RefusalError(ended.error);
}

/** Cut short behind this, it is found here again; unless the store has gone on under yet another contract meanwhile. */
async function carry({ events }: Parts['store'], { digest }: SealedContract, spent: readonly Debit[]): Promise<void> {
  const stream = siteStream(digest);
  const first = encodeSiteEvent({ type: 'ledger-carried', spent });
  const [standing] = await events.read(stream, 0, 1);
  if (standing !== undefined) {
    if (bytesEqual(standing, first)) return;
    throw new RefusalError(refusal('E-CONTRACT-SUPERSEDED', 'this store has gone on under another successor'));
  }
  const appended = await events.append(stream, 0, [first]);
  if (!appended.ok) throw new RefusalError(appended.error);
}
