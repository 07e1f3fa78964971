import { decodeEvent } from '../../aggregator-enclave/event-codec.ts';
import type { EnclaveEvent } from '../../aggregator-enclave/event.ts';
import { evolve } from '../../aggregator-enclave/evolve.ts';
import { streamsOf } from '../../coordinator/contract-streams.ts';
import { Journal } from '../../aggregator-enclave/journal.ts';
import { recordStoreOn } from '../../aggregator-enclave/host/record-store.ts';
import { headOfState, INITIAL_STATE, type EnclaveState } from '../../aggregator-enclave/state.ts';
import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { decodeEnclaveMessage, decodeSiteMessage, type SiteMessage } from '../../lib/audit/session-message.ts';
import { openStatement, type SignedStatement } from '../../lib/audit/statement.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import type { LedgerEntry } from '../../lib/privacy/ledger.ts';
import { openMemoryStore } from '../../lib/store/memory.ts';
import { decodeSiteEvent } from '../../site-agent/event-codec.ts';
import { readLedger } from '../../site-agent/privacy-ledger.ts';
import type { SiteEvent } from '../../site-agent/event.ts';
import { siteStream } from '../../site-agent/replay-site.ts';
import { must } from '../support/study-in-memory.ts';
import type { SiteProgram } from './site-program.ts';
import { chipOf, program } from './study-platform.ts';
import type { Delivery, StudyUnderFaults } from './study-under-faults.ts';

/** What an investigator finds afterwards: the parties' disks, and everything that ever arrived anywhere. */
export interface StudyEvidence {
  readonly noiseRoot: Uint8Array;
  /** The enclave's own record of every boot. */
  readonly enclaveEvents: readonly EnclaveEvent[];
  readonly statements: readonly SignedStatement[];
  /** The coordinator's archive. */
  readonly archived: readonly SignedStatement[];
  /** Every statement that left the enclave, and how many events its log had at that moment. */
  readonly shown: readonly { readonly signed: SignedStatement; readonly stored: number }[];
  readonly siteEvents: ReadonlyMap<SiteProgram, readonly SiteEvent[]>;
  /** Each hospital's privacy ledger. */
  readonly ledgers: ReadonlyMap<SiteProgram, readonly LedgerEntry[]>;
  /** Every message that left a hospital, with the lengths of its log and of its ledger at that moment. */
  readonly said: readonly ({ readonly site: SiteProgram; readonly message: SiteMessage } & Pick<
    Delivery,
    'stored' | 'paid'
  >)[];
}

export async function evidenceOf(study: StudyUnderFaults): Promise<StudyEvidence> {
  const siteEvents = new Map<SiteProgram, SiteEvent[]>();
  const ledgers = new Map<SiteProgram, readonly LedgerEntry[]>();
  for (const site of study.sites) {
    const { events } = openMemoryStore(site.disk);
    const stored = await events.read(siteStream(study.sealed.digest));
    ledgers.set(site, (await readLedger(events)).entries);
    siteEvents.set(
      site,
      stored.map((bytes) => must(decodeSiteEvent(bytes))),
    );
  }
  const log = streamsOf(openMemoryStore(study.coordinator.disk).events, study.sealed.digest);
  const archived = await log.read('statements');
  return {
    ...(await enclaveRecord(study)),
    archived: archived.map((bytes) => must(openStatement(bytes))),
    shown: [
      ...study.enclave.told.flatMap(({ event, stored }) =>
        event.kind === 'statementIssued' ? [{ signed: must(openStatement(event.statement)), stored }] : [],
      ),
      ...study.deliveries.flatMap(({ to, type, bytes, stored }) =>
        to === 'site' && type !== 'hello' ? shownIn(bytes).map((signed) => ({ signed, stored })) : [],
      ),
    ],
    siteEvents,
    ledgers,
    said: study.deliveries.flatMap(({ site, to, type, bytes, stored, paid }) =>
      to === 'enclave' && type !== 'hello' ? [{ site, message: must(decodeSiteMessage(bytes)), stored, paid }] : [],
    ),
  };
}

/** Unsealed with the chip's key, which only the enclave has. */
async function enclaveRecord({
  sealed,
  enclave,
}: StudyUnderFaults): Promise<Pick<StudyEvidence, 'noiseRoot' | 'enclaveEvents' | 'statements'>> {
  const layout = layoutOf(sealed.contract.model.spec);
  const [stream] = enclave.disk.streams.keys();
  if (stream === undefined) throw new Error('an enclave without a log');
  const store = recordStoreOn(openMemoryStore(enclave.disk), stream);
  const key = chipOf('chip-enclave').sealingKey(program('enclave'));
  const journal = new Journal({ store, key, contract: sealed.digest, layout });
  let state: EnclaveState = INITIAL_STATE;
  let noiseRoot: Uint8Array | null = null;
  const enclaveEvents: EnclaveEvent[] = [];
  for await (const plaintext of journal.replay(() => headOfState(state))) {
    if (noiseRoot === null) {
      noiseRoot = plaintext;
      continue;
    }
    const event = must(decodeEvent(plaintext));
    enclaveEvents.push(event);
    state = evolve({ layout }, state, event);
  }
  if (noiseRoot === null) throw new Error('an enclave without NOISE_ROOT');
  return { noiseRoot, enclaveEvents, statements: enclaveEvents.flatMap(statementIn) };
}

const statementIn = (event: EnclaveEvent): SignedStatement[] => ('statement' in event ? [event.statement] : []);

function shownIn(bytes: Uint8Array): SignedStatement[] {
  const message = must(decodeEnclaveMessage(bytes));
  switch (message.type) {
    case 'statement':
      return [must(openStatement(message.statement))];
    case 'history':
      return message.statements.map((statement) => must(openStatement(statement)));
    case 'release': {
      const { genesis, manifest, certificate, intent, release } = must(decodeBundle(message.bundle));
      return [genesis, manifest, certificate, intent, release].map((statement) => must(openStatement(statement)));
    }
    case 'publication':
    case 'received':
    case 'prove-head':
    case 'model-wanted':
    case 'refused':
      return [];
  }
}
