import { refusal, RefusalError } from '../../core/errors.ts';
import type { Attester } from '../attester.ts';
import { ReportData } from '../report-data.ts';
import { decodeChipResponse, encodeChipRequest, type ChipRequest, type ChipResponse } from './chip-protocol.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

/** The part of `process` that this needs: the IPC channel to the process that started this one. */
export interface ParentChannel {
  readonly connected: boolean;
  send?(message: string, handle: undefined, options: undefined, done: (fault: Error | null) => void): unknown;
  /** Does not keep the program alive: a pending question does. */
  readonly channel?: { unref(): void } | null | undefined;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
}

/** A program's side of its simulated chip. */
export interface ChipConnection extends Attester {
  /** 32 bytes for this program on this chip. Rejects like `attest`. */
  sealingKey(): Promise<Uint8Array>;
}

export interface ChipConnectionOptions {
  /** Normally `process`. */
  readonly channel: ParentChannel;
  readonly timeoutMs?: number;
  /** Called once when the chip is gone: the program can no longer attest and should end. */
  readonly onLost?: () => void;
}

interface Pending {
  readonly resolve: (answer: ChipResponse['answer']) => void;
  readonly reject: (fault: RefusalError) => void;
}

/**
 * Connects to the chip that started this process. Whatever arrives on the channel, nothing throws: what is not an
 * answer to a pending question is ignored. Unanswered questions reject with E-ATTEST-UNAVAILABLE.
 */
export function connectToChip({
  channel,
  timeoutMs = DEFAULT_TIMEOUT_MS,
  onLost,
}: ChipConnectionOptions): ChipConnection {
  const pending = new Map<number, Pending>();
  let nextId = 0;
  channel.channel?.unref();
  channel.on('message', (message) => {
    const decoded = decodeChipResponse(message);
    if (!decoded.ok) return;
    pending.get(decoded.value.id)?.resolve(decoded.value.answer);
  });
  channel.once('disconnect', () => {
    for (const { reject } of [...pending.values()]) reject(unavailable('the chip process ended'));
    onLost?.();
  });

  function ask(question: ChipRequest['ask']): Promise<ChipResponse['answer']> {
    const id = nextId++;
    return new Promise((resolve, reject) => {
      if (!channel.connected || channel.send === undefined) {
        reject(unavailable('this process was not started by a chip'));
        return;
      }
      const timer = setTimeout(() => {
        settle(() => {
          reject(unavailable('no answer in time'));
        });
      }, timeoutMs);
      const settle = (outcome: () => void): void => {
        clearTimeout(timer);
        pending.delete(id);
        outcome();
      };
      pending.set(id, {
        resolve: (answer) => {
          settle(() => {
            resolve(answer);
          });
        },
        reject: (fault) => {
          settle(() => {
            reject(fault);
          });
        },
      });
      channel.send(encodeChipRequest({ id, ask: question }), undefined, undefined, (fault) => {
        if (fault !== null) pending.get(id)?.reject(unavailable('the channel to the chip is closed'));
      });
    });
  }

  return {
    async attest(reportData) {
      const source = ReportData.sourceOf(reportData);
      const answer = await ask(
        source.kind === 'binders'
          ? { kind: 'binders', binders: [...source.binders] }
          : { kind: 'publication', publication: source.publication },
      );
      if (answer.kind !== 'evidence') throw unavailable('the chip answered another question');
      return answer.evidence;
    },
    async sealingKey() {
      const answer = await ask({ kind: 'sealing-key' });
      if (answer.kind !== 'sealing-key') throw unavailable('the chip answered another question');
      return answer.key;
    },
  };
}

const unavailable = (detail: string): RefusalError => new RefusalError(refusal('E-ATTEST-UNAVAILABLE', detail));
