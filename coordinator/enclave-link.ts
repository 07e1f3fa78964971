import { openStatement, type SignedStatement, type Statement } from '../lib/audit/statement.ts';
import { refusal, RefusalError, type ErrorCode, type Refusal } from '../lib/core/errors.ts';
import type { Instant, OrganisationId } from '../lib/core/ids.ts';
import type { Result } from '../lib/core/result.ts';
import type { Logger } from '../lib/telemetry/logger.ts';
import type { ClientOf } from '../lib/wire/client.ts';
import type {
  controlMethods,
  EnclaveAction,
  EnclaveEvent,
  LoadDocuments,
  LoadResponse,
} from '../lib/wire/control-codec.ts';
import type { CoordinatorCommand, RoundAction, SeenStatement } from './event.ts';

const RETRY_MS = 200;
const ADVANCE_TRIES = 50;
/** The first hospital is just bringing its model; when none does, the opening is asked for again anyhow. */
const WANTED_TRIES = 20;
const STATEMENTS_PER_PAGE = 1000;

const ACTIONS: Readonly<Record<RoundAction, EnclaveAction>> = {
  'open-round': 'openRound',
  'lock-cohort': 'lockCohort',
  'close-collection': 'closeCollection',
  'close-acknowledgement': 'closeAcknowledgement',
  'abort-round': 'abortRound',
};

/** The enclave may not have heard: a program that dies within a TLS handshake looks like one without a certificate. */
const UNREACHED: ReadonlySet<ErrorCode> = new Set(['E-TRANSPORT', 'E-TRANSPORT-CERTIFICATE', 'E-CHANNEL-TIMEOUT']);

/** What the enclave offers its coordinator. */
export type EnclaveControl = ClientOf<typeof controlMethods>;

interface Parts {
  readonly control: EnclaveControl;
  readonly documents: () => LoadDocuments;
  /** Every withdrawal that hospitals have signed. */
  readonly withdrawals: () => Iterable<Uint8Array>;
  readonly handle: (command: CoordinatorCommand) => Promise<unknown>;
  /** How many statements of the enclave are kept here: those behind them are asked for. */
  readonly known: () => number;
  /**
   * Every statement of the enclave, in order, the newest ones again after every reconnection. Throws RefusalError
   * E-STATEMENT-CHAIN for one of a second history.
   */
  readonly onStatement: (statement: SignedStatement) => Promise<void>;
  /** Everything was heard that the enclave had stated when it was connected. */
  readonly onCaughtUp: () => Promise<void>;
  /** A site's session with the enclave opened or ended; earlier ones are told again after a reconnection. */
  readonly onSession: (organisation: OrganisationId, open: boolean) => Promise<void>;
  /** The enclave went away: no site is connected to it any more. */
  readonly onLost: () => void;
  readonly now: () => Instant;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** What no reconnection mends. */
class SecondHistory extends Error {
  readonly refused: Refusal;

  constructor(refused: Refusal) {
    super(refused.code);
    this.refused = refused;
  }
}

/** The coordinator's side of EnclaveControlService: hands over the contract, asks for steps, watches what happens. */
export class EnclaveLink {
  readonly #parts: Parts;
  #halted: Refusal | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Why the enclave on the present connection serves nobody any more, or why it was left for good; null: it serves, or
   * nothing is known of it.
   */
  get halted(): Refusal | null {
    return this.#halted;
  }

  /** Loads and watches, again after every loss, until the program stops or the enclave tells a second history. */
  async run(): Promise<void> {
    const { signal, log, onLost } = this.#parts;
    while (!signal.aborted) {
      const loaded = await this.load();
      if (loaded.ok) {
        log.info('enclave.connected');
        const ended = await this.#watch(loaded.value.counter).catch(endOf);
        this.#halted = null;
        onLost();
        if (ended instanceof SecondHistory) {
          await this.#leave(ended.refused);
          return;
        }
        if (ended !== null) log.warn('enclave.lost', { code: ended.code });
      } else log.warn('enclave.unreachable', { code: loaded.error.code });
      await pause(RETRY_MS, signal);
    }
  }

  /** Hands contract, approvals and withdrawals over. */
  async load(): Promise<Result<LoadResponse, Refusal>> {
    const { control, documents, withdrawals } = this.#parts;
    const loaded = await control.load(mutable(documents()));
    if (loaded.ok) for (const withdrawal of withdrawals()) await this.withdraw(withdrawal);
    return loaded;
  }

  /** Hands one withdrawal over; an enclave that cannot be reached gets it with the next load. */
  async withdraw(withdrawal: Uint8Array): Promise<void> {
    const { control, log } = this.#parts;
    const answered = await control.withdraw({ withdrawal });
    if (!answered.ok) log.warn('withdrawal.refused', { code: answered.error.code });
  }

  /** Asks for one step; an enclave that cannot be reached, or waits for a model, is asked again; a refusal is final. */
  async advance(action: RoundAction, place: { readonly round: number; readonly attempt: number }): Promise<void> {
    const { control, log, signal } = this.#parts;
    for (let tries = 0; tries < ADVANCE_TRIES && !signal.aborted; tries++) {
      const answered = await control.advance({ action: ACTIONS[action], ...place });
      if (answered.ok) return;
      const { code } = answered.error;
      const wanted = code === 'E-MODEL-WANTED';
      if (!wanted || tries === 0) log.warn('enclave.refused', { code, step: action, ...place });
      if (!UNREACHED.has(code) && !(wanted && tries < WANTED_TRIES)) return;
      await pause(RETRY_MS, signal);
    }
  }

  async #leave(refused: Refusal): Promise<void> {
    const { handle, log } = this.#parts;
    this.#halted = refused;
    log.error('enclave.left', { code: refused.code });
    await handle({ type: 'see-halt', code: refused.code });
  }

  /** `past`: counter of the newest statement when the enclave was loaded. */
  async #watch(past: number): Promise<null> {
    const { control, known, signal } = this.#parts;
    // The newest one that is known is told again, or what an older enclave has: a second history shows there.
    await this.#readOn(Math.max(Math.min(known() - 1, past), 0), past);
    for await (const event of control.watch({ fromSequence: 0 }, { signal })) {
      if (event.kind !== 'statementIssued') {
        await this.#receive(event);
        continue;
      }
      const told = this.#opened(event.statement);
      // Only the newest ones are told again: what was stated between reading and watching may be more.
      if (told !== null && told.statement.counter > known()) await this.#readOn(known(), past);
      if (told !== null) await this.#hear(told, past);
    }
    return null;
  }

  /** What the enclave stated from `counter` on, page by page. */
  async #readOn(counter: number, past: number): Promise<void> {
    for (let next = counter; ;) {
      const page = await this.#parts.control.getStatements({ fromCounter: next, limit: STATEMENTS_PER_PAGE });
      if (!page.ok) throw new RefusalError(page.error);
      const { statements } = page.value;
      if (statements.length === 0) return;
      for (const bytes of statements) {
        const stated = this.#opened(bytes);
        if (stated !== null) await this.#hear(stated, past);
      }
      next += statements.length;
    }
  }

  /** null: it is no statement, which is told to the log. */
  #opened(bytes: Uint8Array): SignedStatement | null {
    const opened = openStatement(bytes);
    if (opened.ok) return opened.value;
    this.#parts.log.error('statement.unreadable', { code: opened.error.code });
    return null;
  }

  async #hear(signed: SignedStatement, past: number): Promise<void> {
    const { handle, onStatement, onCaughtUp } = this.#parts;
    const { statement } = signed;
    await onStatement(signed).catch((fault: unknown) => {
      if (!(fault instanceof RefusalError) || fault.refusals[0].code !== 'E-STATEMENT-CHAIN') throw fault;
      throw new SecondHistory(fault.refusals[0]);
    });
    if (statement.type !== 'genesis') {
      const { round, attempt } = statement;
      await handle({ type: 'see-statement', statement: seenStatement(statement), round, attempt });
    }
    if (statement.counter === past) await onCaughtUp();
  }

  async #receive(event: Exclude<EnclaveEvent, Issued>): Promise<void> {
    const { handle, onSession, now, log } = this.#parts;
    switch (event.kind) {
      case 'approvalRecorded':
        await handle({ type: 'receive-approval', at: now(), approval: event.approval });
        return;
      case 'withdrawalRecorded':
        await handle({ type: 'receive-withdrawal', withdrawal: event.withdrawal });
        return;
      case 'sessionOpened':
        await onSession(event.organisation, true);
        return;
      case 'sessionClosed':
        await onSession(event.organisation, false);
        return;
      case 'commitReceived':
        await handle({ type: 'see-step', step: 'commit', ...placeOf(event) });
        return;
      case 'updateReceived':
        await handle({ type: 'see-step', step: 'upload', ...placeOf(event) });
        return;
      case 'acknowledgementReceived':
        await handle({ type: 'see-step', step: 'acknowledge', ...placeOf(event) });
        return;
      case 'refused':
        log.warn('site.refused', {
          code: event.code,
          ...(event.organisation === null ? {} : { organisation: event.organisation }),
        });
        return;
      case 'halted':
        this.#halted = refusal(event.code, event.detail);
        log.error('enclave.halted', { code: event.code });
        await handle({ type: 'see-halt', code: event.code });
        return;
      case 'publicationRenewed':
        return;
    }
  }
}

const mutable = ({ approvals, ...rest }: LoadDocuments) => ({ ...rest, approvals: [...approvals] });

type Issued = Extract<EnclaveEvent, { kind: 'statementIssued' }>;
type Step = Extract<EnclaveEvent, { kind: 'commitReceived' | 'updateReceived' | 'acknowledgementReceived' }>;
const placeOf = ({ organisation, round, attempt }: Step) => ({ organisation, round, attempt });

/** What liveness needs of a statement. */
function seenStatement(statement: Exclude<Statement, { type: 'genesis' }>): SeenStatement {
  switch (statement.type) {
    case 'manifest':
    case 'release':
      return { type: statement.type };
    case 'certificate':
    case 'intent':
      return { type: statement.type, members: statement.members.map(({ organisation }) => organisation) };
    case 'abort':
      return { type: 'abort', code: statement.code };
  }
}

/** Why watching ended; rethrows what is a fault of this program. */
function endOf(fault: unknown): Refusal | SecondHistory {
  if (fault instanceof SecondHistory) return fault;
  if (fault instanceof RefusalError) return fault.refusals[0];
  throw fault;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
