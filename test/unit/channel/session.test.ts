import { expect, test } from 'vitest';
import { CONTRACT, handshake, headOf, opened, SimulatedStudy } from './simulated-session.ts';
import { utf8 } from '../../../lib/core/bytes.ts';

test('both sides attest, agree on the session and see who the other is', async () => {
  const study = new SimulatedStudy();
  const { site, enclave } = await opened(study);
  expect(site.sessionId).toEqual(enclave.sessionId);
  expect(site.sessionId).toHaveLength(32);
  expect(site.peer).toMatchObject({ role: 'enclave', organisation: null, head: headOf(4, 'head of the enclave') });
  expect(enclave.peer).toMatchObject({ role: 'site', organisation: 'st-anna', head: headOf(3, 'head of the site') });
  expect(site.peer.result).toMatchObject({ status: 'affirming', simulated: true });
  await site.send(utf8('up'));
  await enclave.send(utf8('down'));
  expect(await enclave.next()).toEqual(utf8('up'));
  expect(await site.next()).toEqual(utf8('down'));
  await site.close();
  expect(await enclave.next()).toBeNull();
  await enclave.close();
  expect(study.clock.pendingTimers).toBe(0);
});
