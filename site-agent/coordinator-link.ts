import { RefusalError } from '../lib/core/errors.ts';
import { clientOf } from '../lib/wire/client.ts';
import { connect, type Connection } from '../lib/wire/connection.ts';
import type { FrameDuplex } from '../lib/wire/frame-duplex.ts';
import { openChannel } from '../lib/wire/session-client.ts';
import { studyMethods } from '../lib/wire/study-codec.ts';
import type { TlsMaterial } from '../lib/wire/tls-material.ts';
import type { SiteConfig } from './config.ts';

interface Parts {
  readonly config: SiteConfig;
  readonly tls: TlsMaterial;
  readonly approval: Uint8Array;
}

/** The agent's outbound connections: always to the coordinator, and to the enclave when it is dialled directly. */
export class CoordinatorLink {
  readonly #parts: Parts;
  readonly #coordinator: Connection;
  readonly #enclave: Connection | null;

  constructor(parts: Parts) {
    const { config, tls } = parts;
    this.#parts = parts;
    const { coordinator, enclave } = config;
    const to = (peer: typeof coordinator, role: 'coordinator' | 'enclave'): Connection =>
      connect({ address: peer, tls, serverName: peer.serverName, expect: { role, id: peer.id } });
    this.#coordinator = to(coordinator, 'coordinator');
    this.#enclave = enclave === undefined ? null : to(enclave, 'enclave');
  }

  /** Throws RefusalError when the coordinator cannot be reached or refuses the approval. */
  async submitApproval(): Promise<void> {
    const submitted = await clientOf(this.#coordinator, studyMethods).submitApproval({
      approval: this.#parts.approval,
    });
    if (!submitted.ok) throw new RefusalError(submitted.error);
  }

  /** Throws RefusalError like `submitApproval`. */
  async submitWithdrawal(withdrawal: Uint8Array): Promise<void> {
    const submitted = await clientOf(this.#coordinator, studyMethods).submitWithdrawal({ withdrawal });
    if (!submitted.ok) throw new RefusalError(submitted.error);
  }

  /** A stream of frames to the enclave, relayed unless the configuration names the enclave. */
  dial(): FrameDuplex {
    return openChannel(this.#enclave ?? this.#coordinator, this.#parts.config.organisation);
  }

  close(): void {
    this.#coordinator.close();
    this.#enclave?.close();
  }
}
