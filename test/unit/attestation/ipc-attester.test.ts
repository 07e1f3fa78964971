import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import {
  decodeChipRequest,
  decodeChipResponse,
  encodeChipResponse,
} from '../../../lib/attestation/simulated/chip-protocol.ts';
import { ReportData } from '../../../lib/attestation/report-data.ts';
import { connectToChip } from '../../../lib/attestation/simulated/ipc-attester.ts';
import type { Digest, PublicKey } from '../../../lib/core/ids.ts';

const unavailable = { refusals: [{ code: 'E-ATTEST-UNAVAILABLE' }] };
const filled = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const reportData = ReportData.ofPublication({
  bootKey: filled(1) as PublicKey,
  contractDigest: filled(2) as Digest,
  genesisDigest: filled(3) as Digest,
  headDigest: filled(4) as Digest,
});

/** The parent's end of an IPC channel, in this process. */
class Channel extends EventEmitter {
  connected = true;
  readonly sent: string[] = [];
  broken: Error | null = null;

  send(message: string, _handle: undefined, _options: undefined, done: (fault: Error | null) => void): boolean {
    this.sent.push(message);
    done(this.broken);
    return true;
  }

  lastId(): number {
    const request = decodeChipRequest(this.sent.at(-1));
    if (!request.ok) throw new Error(request.error.code);
    return request.value.id;
  }
}

test('answers reach the question they belong to', async () => {
  const channel = new Channel();
  const chip = connectToChip({ channel });
  const first = chip.attest(reportData);
  const firstId = channel.lastId();
  const second = chip.sealingKey();
  channel.emit(
    'message',
    encodeChipResponse({ id: channel.lastId(), answer: { kind: 'sealing-key', key: filled(7) } }),
  );
  channel.emit('message', encodeChipResponse({ id: firstId, answer: { kind: 'evidence', evidence: filled(8) } }));
  expect(await first).toEqual(filled(8));
  expect(await second).toEqual(filled(7));
});

test('hostile messages are ignored, and an answer to another question is no answer', async () => {
  const channel = new Channel();
  const chip = connectToChip({ channel });
  const asked = chip.sealingKey();
  fc.assert(
    fc.property(fc.anything(), (hostile) => {
      channel.emit('message', hostile);
      expect(decodeChipRequest(hostile).ok).toBe(false);
      expect(decodeChipResponse(hostile).ok).toBe(false);
    }),
  );
  fc.assert(
    fc.property(fc.base64String(), (hostile) => {
      channel.emit('message', hostile);
    }),
  );
  channel.emit('message', encodeChipResponse({ id: 999, answer: { kind: 'sealing-key', key: filled(1) } }));
  channel.emit(
    'message',
    encodeChipResponse({ id: channel.lastId(), answer: { kind: 'evidence', evidence: filled(1) } }),
  );
  await expect(asked).rejects.toMatchObject(unavailable);
});

test('a silent chip, a lost chip, a broken channel and no chip at all are E-ATTEST-UNAVAILABLE', async () => {
  const silent = connectToChip({ channel: new Channel(), timeoutMs: 10 });
  await expect(silent.attest(reportData)).rejects.toMatchObject(unavailable);

  const lost = new Channel();
  const onLost = vi.fn();
  const asked = connectToChip({ channel: lost, onLost }).sealingKey();
  lost.emit('disconnect');
  await expect(asked).rejects.toMatchObject(unavailable);
  expect(onLost).toHaveBeenCalledOnce();

  const broken = new Channel();
  broken.broken = new Error('EPIPE');
  await expect(connectToChip({ channel: broken }).sealingKey()).rejects.toMatchObject(unavailable);

  const none = new Channel();
  none.connected = false;
  await expect(connectToChip({ channel: none }).sealingKey()).rejects.toMatchObject(unavailable);
});
