import type { OrganisationId } from '../lib/core/ids.ts';

interface Parts {
  /** How long a hospital may be away before the study goes on without it. */
  readonly graceMs: number;
  /** Told when a hospital comes, and when it has been away for longer than the grace. Must not reject. */
  readonly tell: (organisation: OrganisationId, connected: boolean) => Promise<unknown>;
}

/**
 * Which hospitals are connected to the enclave, with patience: an agent, an enclave or a relay that restarts breaks
 * sessions that are there again seconds later, and a round that went on meanwhile would leave those hospitals out.
 */
export class Presence {
  readonly #parts: Parts;
  readonly #away = new Map<OrganisationId, NodeJS.Timeout>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async seen(organisation: OrganisationId): Promise<void> {
    clearTimeout(this.#away.get(organisation));
    this.#away.delete(organisation);
    await this.#parts.tell(organisation, true);
  }

  lost(organisation: OrganisationId): void {
    if (this.#away.has(organisation)) return;
    const { graceMs, tell } = this.#parts;
    const timer = setTimeout(() => {
      this.#away.delete(organisation);
      void tell(organisation, false);
    }, graceMs);
    timer.unref();
    this.#away.set(organisation, timer);
  }

  /** True between `lost` and either `seen` or the end of the grace. */
  isAway(organisation: OrganisationId): boolean {
    return this.#away.has(organisation);
  }
}
