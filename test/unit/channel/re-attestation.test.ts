import { describe, expect, test } from 'vitest';
import { duplexPair } from '../../../lib/channel/duplex-pair.ts';
import { Responder } from '../../../lib/channel/responder.ts';
import { encodeChallenge } from '../../../lib/channel/sealed-messages.ts';
import { bytesEqual, utf8 } from '../../../lib/core/bytes.ts';
import { refusal } from '../../../lib/core/errors.ts';
import { err, ok } from '../../../lib/core/result.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { headOf, INTERVAL_MS, opened, SimulatedStudy } from './simulated-session.ts';

const refusedWith = (code: string) => ({ refusals: [{ code }] });

describe('re-attestation (PROTOCOL §4.6)', () => {
  test('asks each side for fresh evidence every interval, within the same session', async () => {
    const study = new SimulatedStudy();
    let counter = 4;
    const { site, enclave } = await opened(study, { enclave: { head: () => headOf(counter, 'head') } });
    const [first, sessionId] = [site.peer.evidenceDigest, site.sessionId];
    expect(study.quotes).toBe(2);
    counter = 5;
    await study.clock.advance(INTERVAL_MS + 2_000);
    expect(study.quotes).toBe(4);
    expect(site.peer.evidenceDigest).not.toEqual(first);
    expect(site.peer.head.counter).toBe(5);
    expect(site.sessionId).toEqual(sessionId);
    await study.clock.advance(3 * INTERVAL_MS);
    expect(study.quotes).toBe(10);
    await site.send(utf8('still here'));
    expect(await enclave.next()).toEqual(utf8('still here'));
  });

  test('goes on in the middle of an upload that the transport holds up', async () => {
    const study = new SimulatedStudy();
    const { site, enclave } = await opened(study);
    const message = new Uint8Array(5 << 20).fill(7);
    const sent = site.send(message);
    await study.clock.advance(INTERVAL_MS + 2_000);
    await sent;
    expect(bytesEqual((await enclave.next()) ?? new Uint8Array(), message)).toBe(true);
    expect(study.quotes).toBe(4);
  });

  test('a challenge that stays unanswered for 30 s ends the session', async () => {
    const study = new SimulatedStudy();
    const silent = { attest: () => new Promise<never>(() => undefined) };
    const { attester } = study.enclaveOptions(duplexPair().enclave);
    let asked = 0;
    const once = {
      attest: (binder: Parameters<typeof attester.attest>[0]) => (asked++ === 0 ? attester : silent).attest(binder),
    };
    const { site, enclave } = await opened(study, { enclave: { attester: once } });
    await study.clock.advance(INTERVAL_MS + 31_000);
    await expect(site.next()).rejects.toMatchObject(refusedWith('E-CHANNEL-TIMEOUT'));
    await expect(enclave.next()).rejects.toMatchObject(refusedWith('E-CHANNEL-TIMEOUT'));
  });

  test.each(['send', 'receive'] as const)(
    'no application frame passes on evidence older than 2 intervals: %s',
    async (way) => {
      const study = new SimulatedStudy();
      const { site, enclave } = await opened(study, { enclave: { clock: new FakeClock() } });
      study.clock.skip(2 * INTERVAL_MS - study.clock.monotonicMs());
      await site.send(utf8('just in time'));
      expect(await enclave.next()).toEqual(utf8('just in time'));
      study.clock.skip(1);
      if (way === 'send')
        await expect(site.send(utf8('too late'))).rejects.toMatchObject(refusedWith('E-ATTEST-STALE'));
      else await enclave.send(utf8('too late'));
      await expect(site.next()).rejects.toMatchObject(refusedWith('E-ATTEST-STALE'));
      await expect(enclave.next()).rejects.toMatchObject(refusedWith('E-ATTEST-STALE'));
    },
  );

  test('the enclave asks again whether the site may take part', async () => {
    const study = new SimulatedStudy();
    let withdrawn = false;
    const admit = async () => (withdrawn ? err(refusal('E-SITE-WITHDRAWN')) : ok(null));
    const { site, enclave } = await opened(study, { enclave: { admit } });
    withdrawn = true;
    await study.clock.advance(INTERVAL_MS + 2_000);
    await expect(enclave.next()).rejects.toMatchObject(refusedWith('E-SITE-WITHDRAWN'));
    await expect(site.next()).rejects.toMatchObject(refusedWith('E-SITE-WITHDRAWN'));
  });

  test('a peer may not change its boot key under way', async () => {
    const study = new SimulatedStudy();
    const options = study.siteOptions(duplexPair().site);
    let restarted = false;
    const credentials = () => ({
      ...options.credentials(),
      ...(restarted ? { bootKey: study.bootSigners.enclave.publicKey } : {}),
    });
    const { enclave } = await opened(study, { site: { credentials } });
    restarted = true;
    await study.clock.advance(INTERVAL_MS + 2_000);
    await expect(enclave.next()).rejects.toMatchObject(refusedWith('E-ATTEST-BINDING'));
  });

  test('an ended session asks nothing more', async () => {
    const study = new SimulatedStudy();
    const { site } = await opened(study);
    await site.close();
    await settle();
    await study.clock.advance(2 * INTERVAL_MS);
    expect(study.quotes).toBe(2);
  });
});

describe('which challenges are answered', () => {
  const challenge = (attestationSequence: number): Uint8Array =>
    encodeChallenge({ attestationSequence, nonce: new Uint8Array(32) });

  test('the next one, once, not another meanwhile, and not before half an interval has passed', () => {
    const clock = new FakeClock();
    const responder = new Responder({ clock, intervalMs: INTERVAL_MS });
    const state = { ok: false, error: { code: 'E-CHANNEL-STATE' } };
    expect(responder.begin(challenge(2))).toMatchObject(state);
    expect(responder.begin(challenge(0))).toMatchObject(state);
    expect(responder.begin(challenge(1)).ok).toBe(true);
    expect(responder.begin(challenge(1))).toMatchObject(state);
    expect(responder.begin(challenge(2))).toMatchObject(state);
    clock.skip(INTERVAL_MS);
    expect(responder.begin(challenge(1))).toMatchObject(state);
    responder.done();
    clock.skip(INTERVAL_MS);
    expect(responder.begin(challenge(2)).ok).toBe(true);
    responder.done();
    expect(responder.begin(challenge(1))).toMatchObject(state);
    clock.skip(INTERVAL_MS / 2 - 1);
    expect(responder.begin(challenge(3))).toMatchObject(state);
    clock.skip(1);
    expect(responder.begin(challenge(3)).ok).toBe(true);
  });
});
