import { attestationBatcher, type BinderAttester } from '../../lib/channel/attestation-batcher.ts';
import { openWithdrawal } from '../../lib/contract/approval.ts';
import { openContract } from '../../lib/contract/study-contract.ts';
import { bytesEqual, toHex } from '../../lib/core/bytes.ts';
import { refusal, RefusalError, type Refusal } from '../../lib/core/errors.ts';
import type { Digest, OrganisationId } from '../../lib/core/ids.ts';
import { err, ok, type Result } from '../../lib/core/result.ts';
import { SerialQueue } from '../../lib/core/serial-queue.ts';
import type { Store } from '../../lib/store/store.ts';
import type { Logger } from '../../lib/telemetry/logger.ts';
import {
  enclaveEvent,
  MAX_REFUSED_DETAIL,
  type AdvanceRequest,
  type AdvanceResponse,
  type EnclaveEvent as WireEvent,
  type LoadDocuments,
  type LoadResponse,
} from '../../lib/wire/control-codec.ts';
import { CountedLimit } from '../../lib/wire/counted-limit.ts';
import { EventLog, type NoticeOf, type Shelf } from '../../lib/wire/event-log.ts';
import type { FrameDuplex } from '../../lib/wire/frame-duplex.ts';
import { plainLine } from '../../lib/wire/plain-line.ts';
import { statementPage } from '../../lib/wire/statement-page.ts';
import { acceptSession, type SessionObserver } from '../accept-session.ts';
import { Enclave, type EnclavePorts } from '../enclave.ts';
import type { EnclaveCommand } from '../event.ts';
import { consentOf, type CoreNotice } from '../notice.ts';
import { headOfState, type EnclaveState } from '../state.ts';
import { recordStoreOn } from './record-store.ts';

const CONTRACT_BLOB = 'contract';
/**
 * Each contract has a stream of sealed records of its own, and the blob, which says whose study this store holds, is
 * put only once that study has begun. So a contract that cannot begin (its records are sealed for its digest, no other
 * could be appended) leaves nothing in the way of the right one, and a crash between the two finds, when the same
 * contract is loaded again, what was begun. Nobody outside has heard of a study before its blob is put.
 */
const recordsStream = (contract: Digest): string => `sealed ${toHex(contract)}`;

/** Everybody may cause refusals: this many are told, the others are counted in the next one that is. */
const TOLD_REFUSALS = { count: 50, windowMs: 60_000 };
const KEPT_REFUSALS = 1000;
const KEPT_SESSIONS = 16;
/** A coordinator that comes back needs those of the present attempt: three. */
const KEPT_STEPS = 16;
/** For a coordinator that reads the chain and then watches: what was stated in between. */
const KEPT_STATEMENTS = 16;
const KEPT_PUBLICATIONS = 16;

type EnclaveNotice = NoticeOf<WireEvent>;

interface Parts {
  readonly ports: Omit<EnclavePorts, 'records'>;
  readonly store: Store;
  readonly log: Logger;
}

/** One study in one enclave: what the coordinator may ask and where sites' frames arrive. Sees no plaintext update. */
export class StudyHost {
  readonly events: EventLog<WireEvent>;
  readonly #parts: Parts;
  readonly #loading = new SerialQueue();
  readonly #stopped = new AbortController();
  readonly #toldRefusals = new CountedLimit(TOLD_REFUSALS);
  /** Open sessions by organisation: a site that reconnects may be here twice until its broken session is noticed. */
  readonly #sessions = new Map<OrganisationId, number>();
  #running: { readonly enclave: Enclave; readonly attester: BinderAttester } | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.events = new EventLog<WireEvent>({
      now: () => parts.ports.clock.now(),
      codec: enclaveEvent,
      shelfOf,
      substitute: { kind: 'refused', organisation: null, code: 'E-INTERNAL', detail: 'an event could not be told' },
      onFault: (fault) => {
        parts.log.error('notice.fault', {}, fault);
      },
    });
  }

  /** Goes on with the study of an earlier boot, if there was one. */
  async resume(): Promise<void> {
    const contract = await this.#parts.store.blobs.get(CONTRACT_BLOB);
    if (contract === null) return;
    const loaded = await this.load({ contract, approvals: [] });
    if (!loaded.ok) throw new RefusalError(loaded.error);
  }

  /**
   * Begins the study of `contract`, or adds approvals to the one that runs; one enclave runs one contract. An approval
   * that does not hold is told as refused and stops nobody else's.
   */
  load(documents: LoadDocuments): Promise<Result<LoadResponse, Refusal>> {
    return this.#loading.run(async () => {
      try {
        const enclave = this.#running?.enclave ?? (await this.#begin(documents));
        if (!bytesEqual(enclave.environment.sealed.bytes, documents.contract)) {
          return err(refusal('E-CHANNEL-CONTRACT', 'this enclave runs another study'));
        }
        for (const approval of documents.approvals) {
          const recorded = await enclave.handle({ type: 'record-approval', at: enclave.ports.clock.now(), approval });
          if (!recorded.ok) this.#refused(null, recorded.error);
        }
        const genesis = enclave.state.phase === 'unborn' ? undefined : enclave.state.ledger.chain[0];
        if (genesis === undefined) throw new Error('a running enclave without genesis');
        return ok({ genesisDigest: genesis, counter: headOfState(enclave.state)?.counter ?? 0 });
      } catch (fault) {
        if (fault instanceof RefusalError) return err(fault.refusals[0]);
        throw fault;
      }
    });
  }

  /** A hospital leaves. Its signature says who; by which way it came here does not matter (PROTOCOL §6.3). */
  async withdraw(withdrawal: Uint8Array): Promise<Result<Record<string, never>, Refusal>> {
    const enclave = this.#running?.enclave;
    if (enclave === undefined) return err(refusal('E-ROUND-PHASE', 'no study is loaded'));
    const { contract, digest } = enclave.environment.sealed;
    const opened = openWithdrawal(withdrawal, { contract, contractDigest: digest });
    if (!opened.ok) return opened;
    const { organisation } = opened.value.document;
    const decision = await enclave.handle({ type: 'receive-withdrawal', from: organisation, withdrawal });
    if (!decision.ok) return decision;
    if (decision.value.length > 0) this.#parts.log.info('site.withdrawn', { organisation });
    return ok({});
  }

  async advance(request: AdvanceRequest): Promise<Result<AdvanceResponse, Refusal>> {
    const enclave = this.#running?.enclave;
    if (enclave === undefined) return err(refusal('E-ROUND-PHASE', 'no study is loaded'));
    const stale = misdirected(request, enclave.state);
    if (stale !== null) return err(stale);
    const decision = await enclave.handle(commandOf(request, enclave));
    if (!decision.ok) return decision;
    const head = headOfState(enclave.state);
    if (head === null) throw new Error('a running enclave without genesis');
    return ok({ phase: enclave.state.phase, counter: head.counter, headDigest: head.digest });
  }

  /** Of the whole chain, from `fromCounter` on, as many as one answer carries; none at its end. */
  async statements(fromCounter: number, limit: number): Promise<Result<{ statements: Uint8Array[] }, Refusal>> {
    const enclave = this.#running?.enclave;
    if (enclave === undefined) return err(refusal('E-ROUND-PHASE', 'no study is loaded'));
    return ok({ statements: statementPage(await enclave.statementsFrom(fromCounter), limit) });
  }

  /** Serves one site's frames until either side ends. */
  async accept(duplex: FrameDuplex): Promise<void> {
    if (this.#running === null) throw new RefusalError(refusal('E-ROUND-PHASE', 'no study is loaded'));
    const { enclave, attester } = this.#running;
    await acceptSession({ enclave, attester, duplex, observer: this.#observer(), signal: this.#stopped.signal });
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #begin({ contract: bytes, predecessor }: LoadDocuments): Promise<Enclave> {
    const { ports, store, log } = this.#parts;
    const sealed = openContract(bytes);
    if (!sealed.ok) throw new RefusalError(sealed.error);
    const stored = await store.blobs.get(CONTRACT_BLOB);
    if (stored !== null && !bytesEqual(stored, bytes))
      throw new RefusalError(refusal('E-CHANNEL-CONTRACT', 'this enclave holds another study'));
    const records = recordStoreOn(store, recordsStream(sealed.value.digest));
    // Without approvals: `load` hands them over one by one, so that each has its own outcome.
    const enclave = await Enclave.start(sealed.value, [], { ...ports, records }, predecessor);
    if (stored === null) await store.blobs.put(CONTRACT_BLOB, bytes);
    if (enclave.state.phase === 'halted') this.#tell({ kind: 'halted', refusal: enclave.state.refusal });
    if (enclave.state.phase !== 'unborn') {
      const { recent } = enclave.state.ledger;
      for (const { bytes: stated, statement } of recent) this.events.add(statementNotice(stated, statement));
      for (const notice of consentOf(enclave.state.ledger)) this.events.add(wireNoticeOf(notice));
    }
    enclave.listenForNotices((notice) => {
      this.#tell(notice);
    });
    const { attester, clock } = ports;
    this.#running = { enclave, attester: attestationBatcher({ attester, clock }) };
    log.info('study.loaded', { contract: sealed.value.digest, phase: enclave.state.phase });
    return enclave;
  }

  #tell(notice: CoreNotice): void {
    this.events.add(wireNoticeOf(notice));
    if (notice.kind === 'halted') this.#parts.log.error('enclave.halted', { code: notice.refusal.code });
    if (notice.kind !== 'statement') return;
    const { statement } = notice.statement;
    const place = 'round' in statement ? { round: statement.round, attempt: statement.attempt } : {};
    const code = statement.type === 'abort' ? { code: statement.code } : {};
    this.#parts.log.info(`statement.${statement.type}`, { ...place, ...code, counter: statement.counter });
  }

  #observer(): SessionObserver {
    const { log } = this.#parts;
    return {
      opened: (organisation) => {
        const open = (this.#sessions.get(organisation) ?? 0) + 1;
        this.#sessions.set(organisation, open);
        log.info('session.opened', { organisation });
        if (open === 1) this.events.add({ kind: 'sessionOpened', organisation });
      },
      closed: (organisation, refused) => {
        log.info('session.closed', { organisation, ...(refused === null ? {} : { code: refused.code }) });
        const open = (this.#sessions.get(organisation) ?? 1) - 1;
        this.#sessions.set(organisation, open);
        if (open === 0) this.events.add({ kind: 'sessionClosed', organisation, code: refused?.code ?? null });
      },
      refused: (organisation, refused) => {
        this.#refused(organisation, refused);
      },
    };
  }

  #refused(organisation: OrganisationId | null, { code, detail }: Refusal): void {
    const held = this.#toldRefusals.take();
    if (held === null) return;
    const more = held > 0 ? { held } : {};
    this.#parts.log.warn('session.refused', { code, ...more, ...(organisation === null ? {} : { organisation }) });
    const untold = held > 0 ? `(${held} more before this one were not told) ` : '';
    // The detail may quote what a stranger sent.
    this.events.add({ kind: 'refused', organisation, code, detail: plainLine(untold + detail, MAX_REFUSED_DETAIL) });
  }
}

/** An action for another attempt than the running one came late and means nothing. */
function misdirected({ action, round, attempt }: AdvanceRequest, state: EnclaveState): Refusal | null {
  if (action === 'openRound' || !('manifest' in state)) return null;
  const { statement } = state.manifest;
  if (statement.round === round && statement.attempt === attempt) return null;
  return refusal('E-ROUND-MANIFEST', '', {
    got: `${round}/${attempt}`,
    want: `${statement.round}/${statement.attempt}`,
  });
}

function commandOf(
  { action, round, attempt }: AdvanceRequest,
  { ports: { clock, studyRandom } }: Enclave,
): EnclaveCommand {
  const at = clock.now();
  switch (action) {
    case 'openRound':
      return { type: 'open-round', at, round, attempt };
    case 'lockCohort':
      return { type: 'lock-cohort', at };
    case 'closeCollection':
      return { type: 'close-collection', at, salt: studyRandom(`result-salt ${round}/${attempt}`) as Digest };
    case 'closeAcknowledgement':
      return { type: 'close-acknowledgement', at };
    case 'abortRound':
      return { type: 'abort-round', at };
  }
}

function wireNoticeOf(notice: CoreNotice): EnclaveNotice {
  switch (notice.kind) {
    case 'statement':
      return statementNotice(notice.statement.bytes, notice.statement.statement);
    case 'commit':
      return { ...notice, kind: 'commitReceived' };
    case 'update':
      return { ...notice, kind: 'updateReceived' };
    case 'acknowledgement':
      return { ...notice, kind: 'acknowledgementReceived' };
    case 'publication':
      return { kind: 'publicationRenewed', evidence: notice.evidence };
    case 'halted':
      return haltedNotice(notice.refusal);
    case 'approval':
      return { ...notice, kind: 'approvalRecorded' };
    case 'withdrawal':
      return { ...notice, kind: 'withdrawalRecorded' };
  }
}

/** What was shown and what is here stands in the detail, for people. */
function haltedNotice({ code, detail, got, want }: Refusal): EnclaveNotice {
  const compared = got === undefined ? '' : `; got ${got}, want ${want ?? ''}`;
  return { kind: 'halted', code, detail: plainLine(detail + compared, MAX_REFUSED_DETAIL) };
}

function statementNotice(
  bytes: Uint8Array,
  content: { readonly type: string; readonly round?: number; readonly attempt?: number },
): EnclaveNotice {
  const { type, round = 0, attempt = 0 } = content;
  return { kind: 'statementIssued', statement: bytes, type, round, attempt };
}

/** Older statements are in the enclave's journal; what hospitals and strangers cause has bounds of its own. */
function shelfOf(event: WireEvent): Shelf {
  switch (event.kind) {
    case 'statementIssued':
      return { name: 'statements', newest: KEPT_STATEMENTS };
    case 'sessionOpened':
    case 'sessionClosed':
      return { name: `sessions of ${event.organisation}`, newest: KEPT_SESSIONS };
    case 'commitReceived':
    case 'updateReceived':
    case 'acknowledgementReceived':
      return { name: `steps of ${event.organisation}`, newest: KEPT_STEPS };
    case 'approvalRecorded':
      return { name: `approval of ${event.organisation}`, newest: 1 };
    case 'withdrawalRecorded':
      return { name: `withdrawal of ${event.organisation}`, newest: 1 };
    case 'refused':
      return { name: 'refusals', newest: KEPT_REFUSALS };
    case 'publicationRenewed':
      return { name: 'publications', newest: KEPT_PUBLICATIONS };
    case 'halted':
      return { name: 'halted', newest: 1 };
  }
}
