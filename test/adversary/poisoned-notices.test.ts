import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeDocument } from '../../lib/contract/shapes.ts';
import { clientOf } from '../../lib/wire/client.ts';
import { controlMethods } from '../../lib/wire/control-codec.ts';
import { openChannel } from '../../lib/wire/session-client.ts';
import { must } from '../support/study-in-memory.ts';
import { HOSPITALS, testApproval, testContract } from '../support/test-contract.ts';
import { ALPHA, certificateOf, dial, eventually } from '../unit/wire/consortium.ts';
import { serveEnclave, type ServedEnclave } from '../unit/wire/hosted-enclave.ts';

const sealed = testContract();
let enclave: ServedEnclave;
beforeEach(async () => {
  enclave = await serveEnclave();
  const approvals = HOSPITALS.map((id) => testApproval(sealed, id));
  must(await clientOf(enclave.connection, controlMethods).load({ contract: sealed.bytes, approvals }));
});
afterEach(() => enclave.stop());

const refusals = (): number => enclave.log.filter(({ event }) => event === 'session.refused').length;

/** What a member with a TLS certificate and nothing else can say first, on a new session each time. */
async function sayHello(...hellos: readonly Uint8Array[]): Promise<void> {
  const connection = dial(enclave.server, certificateOf('site', ALPHA));
  for (const hello of hellos) {
    const before = refusals();
    const frames = openChannel(connection, ALPHA);
    await frames.send(hello);
    await eventually(() => refusals() > before);
    frames.close();
  }
  connection.close();
}

describe('a Hello whose refusal would break the line', () => {
  it.each([
    ['a bell', { '\u0007': 1 }],
    ['lines', { 'a\nb\u2028c\u0085d': 1 }],
    ['text turned around', { 'a\u202eb': 1 }],
    ['too much', { [`${'x'.repeat(990)}\u{1f525}\u{1f525}\u{1f525}\u{1f525}\u{1f525}\u{1f525}`.repeat(2)]: 1 }],
  ])('%s: whoever watches is still told everything', async (_name, hello) => {
    await sayHello(encodeDocument(hello));
    must(await clientOf(enclave.connection, controlMethods).advance({ action: 'openRound', round: 1, attempt: 1 }));
    for (let again = 0; again < 2; again++) {
      const events = (await enclave.watch()).filter(({ kind }) => kind !== 'approvalRecorded');
      expect(events.map((event) => (event.kind === 'statementIssued' ? event.type : event.kind))).toEqual([
        'genesis',
        'refused',
        'manifest',
      ]);
      const [, refused] = events;
      expect(refused).toMatchObject({ kind: 'refused', organisation: null });
      expect(refused?.kind === 'refused' && refused.detail).not.toMatch(/[\p{Cc}\u2028\u2029\u202e]/u);
    }
    expect(enclave.server.faults).toEqual([]);
  });
});

describe('many refusals', () => {
  it('push out no statement, are counted, and do not fill the log', async () => {
    for (let i = 0; i < 5000; i++) await enclave.host.load({ contract: sealed.bytes, approvals: [Uint8Array.of(1)] });
    must(await clientOf(enclave.connection, controlMethods).advance({ action: 'openRound', round: 1, attempt: 1 }));
    const events = await enclave.watch();
    const kinds = events.map((event) => (event.kind === 'statementIssued' ? event.type : event.kind));
    const others = kinds.filter((kind) => kind !== 'refused' && kind !== 'approvalRecorded');
    expect(others).toEqual(['genesis', 'manifest']);
    expect(kinds.length).toBeLessThan(200);
    expect(refusals()).toBeLessThan(200);
  });
});
