import { openStatement } from '../lib/audit/statement.ts';
import { refusal, RefusalError, type ErrorCode, type Refusal } from '../lib/core/errors.ts';
import type { OrganisationId } from '../lib/core/ids.ts';
import type { Logger } from '../lib/telemetry/logger.ts';
import type { ClientOf } from '../lib/wire/client.ts';
import type { ContractDocuments, controlMethods, EnclaveAction, EnclaveEvent } from '../lib/wire/control-codec.ts';
import type { CoordinatorCommand, RoundAction, SeenStatement } from './event.ts';

const RETRY_MS = 200;
const ADVANCE_TRIES = 50;

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
  readonly documents: () => ContractDocuments;
  /** Every withdrawal that hospitals have signed. */
  readonly withdrawals: () => Iterable<Uint8Array>;
  readonly handle: (command: CoordinatorCommand) => Promise<unknown>;
  /** Every statement of the enclave, in order, again after every reconnection. */
  readonly onStatement: (bytes: Uint8Array) => Promise<void>;
  /** A site's session with the enclave opened or ended; earlier ones are told again after a reconnection. */
  readonly onSession: (organisation: OrganisationId, open: boolean) => Promise<void>;
  /** The enclave went away: no site is connected to it any more. */
  readonly onLost: () => void;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** The coordinator's side of EnclaveControlService: hands over the contract, asks for steps, watches what happens. */
export class EnclaveLink {
  readonly #parts: Parts;
  #halted: Refusal | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Why the enclave on the present connection serves nobody any more; null: it does, or nothing is known of it. */
  get halted(): Refusal | null {
    return this.#halted;
  }

  /** Loads and watches, again after every loss, until the program stops. */
  async run(): Promise<void> {
    const { signal, log, onLost } = this.#parts;
    while (!signal.aborted) {
      const loaded = await this.load();
      if (loaded === null) {
        log.info('enclave.connected');
        await this.#watch().catch((fault: unknown) => {
          if (!(fault instanceof RefusalError)) throw fault;
          log.warn('enclave.lost', { code: fault.refusals[0].code });
        });
        this.#halted = null;
        onLost();
      } else log.warn('enclave.unreachable', { code: loaded.code });
      await pause(RETRY_MS, signal);
    }
  }

  /** Hands contract, approvals and withdrawals over; null when the enclave has them. */
  async load(): Promise<Refusal | null> {
    const { control, documents, withdrawals } = this.#parts;
    const loaded = await control.load(mutable(documents()));
    if (!loaded.ok) return loaded.error;
    for (const withdrawal of withdrawals()) await this.withdraw(withdrawal);
    return null;
  }

  /** Hands one withdrawal over; an enclave that cannot be reached gets it with the next load. */
  async withdraw(withdrawal: Uint8Array): Promise<void> {
    const { control, log } = this.#parts;
    const answered = await control.withdraw({ withdrawal });
    if (!answered.ok) log.warn('withdrawal.refused', { code: answered.error.code });
  }

  /** Asks for one step; an enclave that cannot be reached is asked again, a refusal is final. */
  async advance(action: RoundAction, place: { readonly round: number; readonly attempt: number }): Promise<void> {
    const { control, log, signal } = this.#parts;
    for (let tries = 0; tries < ADVANCE_TRIES && !signal.aborted; tries++) {
      const answered = await control.advance({ action: ACTIONS[action], ...place });
      if (answered.ok) return;
      log.warn('enclave.refused', { code: answered.error.code, step: action, ...place });
      if (!UNREACHED.has(answered.error.code)) return;
      await pause(RETRY_MS, signal);
    }
  }

  async #watch(): Promise<void> {
    const { control, signal } = this.#parts;
    for await (const event of control.watch({ fromSequence: 0 }, { signal })) await this.#receive(event);
  }

  async #receive(event: EnclaveEvent): Promise<void> {
    const { handle, onStatement, onSession, log } = this.#parts;
    switch (event.kind) {
      case 'statementIssued': {
        await onStatement(event.statement);
        const seen = seenStatement(event.statement);
        if (seen !== null && event.round > 0) {
          await handle({ type: 'see-statement', statement: seen, round: event.round, attempt: event.attempt });
        }
        return;
      }
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

const mutable = ({ contract, approvals }: ContractDocuments) => ({ contract, approvals: [...approvals] });

type Step = Extract<EnclaveEvent, { kind: 'commitReceived' | 'updateReceived' | 'acknowledgementReceived' }>;
const placeOf = ({ organisation, round, attempt }: Step) => ({ organisation, round, attempt });

/** What liveness needs of a statement; null for genesis and for what cannot be read. */
function seenStatement(bytes: Uint8Array): SeenStatement | null {
  const opened = openStatement(bytes);
  if (!opened.ok) return null;
  const { statement } = opened.value;
  switch (statement.type) {
    case 'genesis':
      return null;
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
