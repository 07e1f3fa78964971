import { attestationBatcher, type BinderAttester } from '../../lib/channel/attestation-batcher.ts';
import { openContract } from '../../lib/contract/study-contract.ts';
import { bytesEqual } from '../../lib/core/bytes.ts';
import { refusal, RefusalError, type Refusal } from '../../lib/core/errors.ts';
import type { Digest, OrganisationId } from '../../lib/core/ids.ts';
import { err, ok, type Result } from '../../lib/core/result.ts';
import { SerialQueue } from '../../lib/core/serial-queue.ts';
import type { Store } from '../../lib/store/store.ts';
import type { Logger } from '../../lib/telemetry/logger.ts';
import type {
  AdvanceRequest,
  AdvanceResponse,
  ContractDocuments,
  EnclaveEvent as WireEvent,
} from '../../lib/wire/control-codec.ts';
import { EventLog, type NoticeOf } from '../../lib/wire/event-log.ts';
import type { FrameDuplex } from '../../lib/wire/frame-duplex.ts';
import { acceptSession, type SessionObserver } from '../accept-session.ts';
import { Enclave, type EnclavePorts } from '../enclave.ts';
import type { EnclaveCommand, EnclaveEvent } from '../event.ts';
import { headOfState, type EnclaveState } from '../state.ts';

const CONTRACT_BLOB = 'contract';
const RECORDS_STREAM = 'sealed';

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
  /** Open sessions by organisation: a site that reconnects may be here twice until its broken session is noticed. */
  readonly #sessions = new Map<OrganisationId, number>();
  #running: { readonly enclave: Enclave; readonly attester: BinderAttester } | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.events = new EventLog(() => parts.ports.clock.now());
  }

  /** Goes on with the study of an earlier boot, if there was one. */
  async resume(): Promise<void> {
    const contract = await this.#parts.store.blobs.get(CONTRACT_BLOB);
    if (contract === null) return;
    const loaded = await this.load({ contract, approvals: [] });
    if (!loaded.ok) throw new RefusalError(loaded.error);
  }

  /** Begins the study of `contract`, or adds approvals to the one that runs; one enclave runs one contract. */
  load(documents: ContractDocuments): Promise<Result<{ genesisDigest: Digest }, Refusal>> {
    return this.#loading.run(async () => {
      try {
        const enclave = this.#running?.enclave ?? (await this.#begin(documents));
        if (!bytesEqual(enclave.environment.sealed.bytes, documents.contract)) {
          return err(refusal('E-CHANNEL-CONTRACT', 'this enclave runs another study'));
        }
        for (const approval of documents.approvals) {
          await enclave.handleOrThrow({ type: 'record-approval', at: enclave.ports.clock.now(), approval });
        }
        const genesis = enclave.state.phase === 'unborn' ? undefined : enclave.state.ledger.chain[0];
        if (genesis === undefined) throw new Error('a running enclave without genesis');
        return ok({ genesisDigest: genesis });
      } catch (fault) {
        if (fault instanceof RefusalError) return err(fault.refusals[0]);
        throw fault;
      }
    });
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

  /** Serves one site's frames until either side ends. */
  async accept(duplex: FrameDuplex): Promise<void> {
    if (this.#running === null) throw new RefusalError(refusal('E-ROUND-PHASE', 'no study is loaded'));
    const { enclave, attester } = this.#running;
    await acceptSession({ enclave, attester, duplex, observer: this.#observer(), signal: this.#stopped.signal });
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #begin({ contract: bytes, approvals }: ContractDocuments): Promise<Enclave> {
    const { ports, store, log } = this.#parts;
    const sealed = openContract(bytes);
    if (!sealed.ok) throw new RefusalError(sealed.error);
    const stored = await store.blobs.get(CONTRACT_BLOB);
    if (stored !== null && !bytesEqual(stored, bytes))
      throw new RefusalError(refusal('E-CHANNEL-CONTRACT', 'this enclave holds another study'));
    if (stored === null) await store.blobs.put(CONTRACT_BLOB, bytes);
    const records: EnclavePorts['records'] = {
      append: (expected, added) => store.events.append(RECORDS_STREAM, expected, added),
      read: () => store.events.read(RECORDS_STREAM),
    };
    const enclave = await Enclave.start(sealed.value, approvals, { ...ports, records });
    if (enclave.state.phase !== 'unborn') {
      for (const { bytes: statement, statement: content } of enclave.state.ledger.statements) {
        this.events.add(statementNotice(statement, content));
      }
    }
    enclave.listen((event, state) => {
      this.#tell(event, state);
    });
    const { attester, clock } = ports;
    this.#running = { enclave, attester: attestationBatcher({ attester, clock }) };
    log.info('study.loaded', { contract: sealed.value.digest, phase: enclave.state.phase });
    return enclave;
  }

  #tell(event: EnclaveEvent, state: EnclaveState): void {
    const notice = noticeOf(event, state);
    if (notice !== null) this.events.add(notice);
    if (event.type === 'statement-issued' || event.type === 'result-sealed') {
      const { statement } = event.statement;
      const place = 'round' in statement ? { round: statement.round, attempt: statement.attempt } : {};
      const code = statement.type === 'abort' ? { code: statement.code } : {};
      this.#parts.log.info(`statement.${statement.type}`, { ...place, ...code, counter: statement.counter });
    }
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
      refused: (organisation, { code, detail }) => {
        log.warn('session.refused', { code, ...(organisation === null ? {} : { organisation }) });
        this.events.add({ kind: 'refused', organisation, code, detail: oneLine(detail) });
      },
    };
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

function noticeOf(event: EnclaveEvent, state: EnclaveState): EnclaveNotice | null {
  const step =
    'manifest' in state ? { round: state.manifest.statement.round, attempt: state.manifest.statement.attempt } : null;
  switch (event.type) {
    case 'born':
    case 'statement-issued':
    case 'result-sealed':
      return statementNotice(event.statement.bytes, event.statement.statement);
    case 'commit-accepted':
      return step === null ? null : { kind: 'commitReceived', organisation: event.commit.organisation, ...step };
    case 'update-accepted':
      return step === null ? null : { kind: 'updateReceived', organisation: event.organisation, ...step };
    case 'acknowledgement-accepted':
      return step === null ? null : { kind: 'acknowledgementReceived', organisation: event.organisation, ...step };
    case 'publication-recorded':
      return { kind: 'publicationRenewed', evidence: event.publication.evidence };
    case 'approval-recorded':
    case 'header-accepted':
    case 'withdrawal-recorded':
    case 'halted':
      return null;
  }
}

function statementNotice(
  bytes: Uint8Array,
  content: { readonly type: string; readonly round?: number; readonly attempt?: number },
): EnclaveNotice {
  const { type, round = 0, attempt = 0 } = content;
  return { kind: 'statementIssued', statement: bytes, type, round, attempt };
}

const oneLine = (detail: string): string => detail.replaceAll(/\s+/g, ' ').slice(0, 1000);
