import { openAcknowledgement } from '../../lib/audit/acknowledgement.ts';
import { openCommit } from '../../lib/audit/commit.ts';
import type { Manifest } from '../../lib/audit/statement.ts';
import type { PrivacyPlan } from '../../lib/contract/privacy-plan.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { bytesEqual, toHex } from '../../lib/core/bytes.ts';
import type { Digest, Instant } from '../../lib/core/ids.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { decodeUpdate, SALT_BYTES, splitUpdate, updateCommitment } from '../../lib/learning/update-codec.ts';
import type { Store } from '../../lib/store/store.ts';
import { listContracts } from '../../site-agent/contract-list.ts';
import type { SiteEvent } from '../../site-agent/event.ts';
import { updateKey } from '../../site-agent/kept-models.ts';
import { startOf } from '../../site-agent/past-contracts.ts';
import { replaySite } from '../../site-agent/replay-site.ts';
import { initialSiteState } from '../../site-agent/state.ts';
import { inSiteStore } from './site-store.ts';

/** What left a hospital under the contracts of its store, oldest first. */
export interface SentReport {
  readonly organisation: string;
  readonly contracts: readonly SentUnder[];
}

export interface SentUnder {
  readonly study: string;
  readonly contract: string;
  readonly noise: PrivacyPlan['placement'];
  /** Largest Euclidean norm of an update, in the model's own units. */
  readonly normBound: number;
  readonly sent: readonly Sent[];
}

interface InRound {
  readonly round: number;
  readonly attempt: number;
  /** Of the message itself. */
  readonly bytes: number;
}

/** One message, by the event that was stored before it was sent; a restart may have sent it again, with the same content. */
export type Sent =
  | ({
      readonly what: 'commit';
      readonly at: Instant | null;
      readonly minimum: number | null;
      readonly requireCoParticipants: readonly string[];
    } & InRound)
  /** Bytes without the salt. Null fields: its payload is no longer kept, or is another one than was announced. */
  | ({
      readonly what: 'update';
      readonly commitment: string;
      readonly weight: number | null;
      readonly trainLoss: number | null;
    } & InRound)
  | ({ readonly what: 'acknowledgement'; readonly at: Instant | null } & InRound)
  | { readonly what: 'withdrawal'; readonly bytes: number }
  /** Sent before the store was lost or put back, as a signed statement tells (PROTOCOL §7.13). */
  | { readonly what: 'forgotten update'; readonly commitment: string };

/** Reads the log of the agent that `configPath` configures. Throws RefusalError on a bad configuration or store. */
export function sentReport(configPath: string): Promise<SentReport> {
  return inSiteStore(configPath, async ({ config: { organisation }, store }) => {
    const contracts: SentUnder[] = [];
    for (const sealed of await listContracts(store)) contracts.push(await sentUnder(sealed, store));
    return { organisation, contracts };
  });
}

async function sentUnder(sealed: SealedContract, { events, blobs }: Store): Promise<SentUnder> {
  const { study, privacy, grid } = sealed.contract;
  const logged: SiteEvent[] = [];
  await replaySite(events, sealed, initialSiteState(startOf(sealed)), (event) => {
    if (SENDING.has(event.type)) logged.push(event);
  });
  const sent: Sent[] = [];
  let manifest: Manifest | null = null;
  for (const event of logged) {
    if (event.type === 'committed') manifest = event.manifest.statement;
    sent.push(...sentWith(event, manifest));
    if (event.type !== 'update-ready' || manifest === null) continue;
    const { weight, trainLoss } = fieldsOf(
      await blobs.get(updateKey(manifest.parent, sealed.contract)),
      event.header.commit,
      sealed,
    );
    sent.push({
      ...{ what: 'update', round: manifest.round, attempt: manifest.attempt, bytes: event.header.length - SALT_BYTES },
      ...{ commitment: toHex(event.header.commit), weight, trainLoss },
    });
  }
  return {
    ...{ study: study.id, contract: toHex(sealed.digest), noise: privacy.placement },
    normBound: grid.l2Bound * 2 ** grid.stepLog2,
    sent,
  };
}

const SENDING: ReadonlySet<SiteEvent['type']> = new Set([
  'committed',
  'update-ready',
  'acknowledged',
  'withdrawn',
  'debit-recovered',
]);

/** All but updates, whose payload lies beside the log. `manifest`: of the newest commit. */
function sentWith(event: SiteEvent, manifest: Manifest | null): Sent[] {
  const place = { round: manifest?.round ?? 0, attempt: manifest?.attempt ?? 0 };
  if (event.type === 'committed') {
    const opened = openCommit(event.commit);
    const { at = null, minimum = null, requireCoParticipants = [] } = opened.ok ? opened.value.document : {};
    return [{ what: 'commit', ...place, bytes: event.commit.length, at, minimum, requireCoParticipants }];
  }
  if (event.type === 'acknowledged') {
    const { acknowledgement } = event;
    const opened = openAcknowledgement(acknowledgement);
    const at = opened.ok ? opened.value.document.at : null;
    return [{ what: 'acknowledgement', ...place, bytes: acknowledgement.length, at }];
  }
  if (event.type === 'withdrawn') return [{ what: 'withdrawal', bytes: event.withdrawal.length }];
  return event.type === 'debit-recovered' ? [{ what: 'forgotten update', commitment: toHex(event.commit) }] : [];
}

/** What an update says beside its coordinates, which are shown nowhere. */
function fieldsOf(
  payload: Uint8Array | null,
  commit: Digest,
  { contract: { model, grid } }: SealedContract,
): { weight: number | null; trainLoss: number | null } {
  const gone = { weight: null, trainLoss: null };
  const parts = splitUpdate(payload ?? new Uint8Array());
  if (!parts.ok || !bytesEqual(updateCommitment(parts.value.salt, parts.value.plaintext), commit)) return gone;
  const update = decodeUpdate(parts.value.plaintext, { layoutLength: layoutOf(model.spec).length, grid });
  return update.ok ? { weight: update.value.weight, trainLoss: update.value.trainLoss } : gone;
}
