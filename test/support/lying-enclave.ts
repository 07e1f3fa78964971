import {
  decodeSiteMessage,
  encodeMessage,
  type EnclaveMessage,
  type SiteMessage,
} from '../../lib/audit/session-message.ts';
import type { SignedStatement } from '../../lib/audit/statement.ts';
import { RefusalError, type Refusal } from '../../lib/core/errors.ts';
import type { PublicKey } from '../../lib/core/ids.ts';
import { until } from './round-in-process.ts';
import { must } from './study-in-memory.ts';
import type { SiteInProcess } from './study-in-process.ts';

/**
 * Somebody in the enclave's place, behind evidence that the hospital accepted: as if the hardware were broken. It says
 * what it likes; what the hospital does with it is the hospital's own defence.
 */
export class LyingEnclave {
  readonly said: SiteMessage[] = [];
  /** Why the hospital ended the session; null: this side left; undefined while it stands. */
  ended: Refusal | null | undefined = undefined;
  readonly #waiting: Uint8Array[] = [];
  #wake: (() => void) | null = null;
  #gone = false;

  /** `bootKey`: the one whose evidence the hospital has just accepted. */
  constructor(site: SiteInProcess, bootKey: PublicKey) {
    const send = async (bytes: Uint8Array): Promise<void> => void this.said.push(must(decodeSiteMessage(bytes)));
    site.agent.serve({ bootKey, send, next: () => this.#next() }).then(
      () => (this.ended = null),
      (fault: unknown) => {
        if (!(fault instanceof RefusalError)) throw fault;
        this.ended = fault.refusals[0];
      },
    );
  }

  tell(...messages: readonly EnclaveMessage[]): this {
    for (const message of messages) this.#waiting.push(encodeMessage(message));
    this.#wake?.();
    return this;
  }

  state(...statements: readonly SignedStatement[]): this {
    return this.tell(...statements.map(({ bytes }) => ({ type: 'statement', statement: bytes }) as const));
  }

  /** Ends the session and waits until the hospital has done with everything that it was told. */
  async leave(): Promise<Refusal | null> {
    this.#gone = true;
    this.#wake?.();
    await until(() => this.ended !== undefined);
    return this.ended ?? null;
  }

  /** The first message of `type` that the hospital said. */
  async heard<T extends SiteMessage['type']>(type: T): Promise<Extract<SiteMessage, { type: T }>> {
    const found = (): SiteMessage | undefined => this.said.find((message) => message.type === type);
    await until(() => found() !== undefined);
    return found() as Extract<SiteMessage, { type: T }>;
  }

  async #next(): Promise<Uint8Array | null> {
    for (;;) {
      const bytes = this.#waiting.shift();
      if (bytes !== undefined) return bytes;
      if (this.#gone) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
