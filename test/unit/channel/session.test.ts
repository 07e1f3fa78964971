import { describe, expect, test } from 'vitest';
import { duplexPair } from '../../../lib/channel/duplex-pair.ts';
import { FRAGMENT_BYTES } from '../../../lib/channel/message-fragments.ts';
import { SESSION_LIFETIME_MS } from '../../../lib/channel/session.ts';
import { bytesEqual, utf8 } from '../../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { err } from '../../../lib/core/result.ts';
import { settle } from './fake-clock.ts';
import { codeOf, digestOf, handshake, headOf, INTERVAL_MS, opened, SimulatedStudy } from './simulated-session.ts';

const refusedWith = (code: string) => ({ refusals: [{ code }] });

describe('handshake', () => {
  test('both sides attest, agree on the session and see who the other is', async () => {
    const study = new SimulatedStudy();
    const { site, enclave } = await opened(study);
    expect(site.sessionId).toEqual(enclave.sessionId);
    expect(site.sessionId).toHaveLength(32);
    expect(site.peer).toMatchObject({ role: 'enclave', organisation: null, head: headOf(4, 'head of the enclave') });
    expect(enclave.peer).toMatchObject({ role: 'site', organisation: 'st-anna', head: headOf(3, 'head of the site') });
    expect(site.peer.bootKey).toEqual(study.bootSigners.enclave.publicKey);
    expect(enclave.peer.bootKey).toEqual(study.bootSigners.site.publicKey);
    expect(site.peer.result).toMatchObject({ status: 'affirming', simulated: true });
    await site.close();
  });

  test('no two sessions share an id', async () => {
    const study = new SimulatedStudy();
    const [one, other] = [await opened(study), await opened(study)];
    expect(one.site.sessionId).not.toEqual(other.site.sessionId);
  });

  test('another contract is refused on both sides by name', async () => {
    const outcome = await handshake(new SimulatedStudy(), { site: { contractDigest: digestOf('another') } });
    expect(outcome.enclave).toMatchObject({ ok: false, error: { code: 'E-CHANNEL-CONTRACT' } });
    expect(outcome.site).toMatchObject({ ok: false, error: { code: 'E-CHANNEL-CONTRACT' } });
  });

  test('the site shows nothing of itself before the enclave was affirmed', async () => {
    let shown = 0;
    const study = new SimulatedStudy();
    const outcome = await handshake(study, {
      enclaveLies: { measurement: digestOf('patched') },
      site: {
        credentials: () => {
          shown += 1;
          throw new Error('must not be asked');
        },
      },
    });
    expect(codeOf(outcome.site)).toBe('E-ATTEST-MEASUREMENT');
    expect(outcome.enclave).toMatchObject({
      ok: false,
      error: { code: 'E-ATTEST-MEASUREMENT', detail: 'said by the peer' },
    });
    expect(shown).toBe(0);
  });

  test('an endorsement that the enclave does not admit ends the session on both sides', async () => {
    const outcome = await handshake(new SimulatedStudy(), {
      enclave: { admit: async () => err(refusal('E-ENDORSEMENT', 'expired')) },
    });
    expect([codeOf(outcome.site), codeOf(outcome.enclave)]).toEqual(['E-ENDORSEMENT', 'E-ENDORSEMENT']);
  });

  test('an attester that does not answer is a refusal; a bug is a fault', async () => {
    const unavailable = new RefusalError(refusal('E-ATTEST-UNAVAILABLE'));
    const study = new SimulatedStudy();
    const outcome = await handshake(study, { enclave: { attester: { attest: () => Promise.reject(unavailable) } } });
    expect([codeOf(outcome.site), codeOf(outcome.enclave)]).toEqual(['E-ATTEST-UNAVAILABLE', 'E-ATTEST-UNAVAILABLE']);
    const bug = new TypeError('a bug');
    await expect(handshake(study, { enclave: { attester: { attest: () => Promise.reject(bug) } } })).rejects.toBe(bug);
  });

  test('every verdict is reported, with all its checks', async () => {
    const study = new SimulatedStudy();
    const seen: string[] = [];
    const appraisal = study.appraisalOf('enclave');
    await handshake(study, {
      enclaveLies: { debug: true, svn: 0 },
      site: {
        appraisal: {
          ...appraisal,
          onResult: ({ checks }) => seen.push(...checks.filter(({ passed }) => !passed).map(({ code }) => code)),
        },
      },
    });
    expect(seen).toEqual(['E-ATTEST-DEBUG', 'E-ATTEST-SVN']);
  });
});

describe('messages', () => {
  test('pass in both directions, whole and in order, whatever their size', async () => {
    const { site, enclave } = await opened(new SimulatedStudy());
    const sizes = [0, 1, FRAGMENT_BYTES - 1, FRAGMENT_BYTES, FRAGMENT_BYTES + 1, 3 * FRAGMENT_BYTES + 17];
    const messages = sizes.map((size, i) => new Uint8Array(size).fill(i + 1));
    await Promise.all(messages.flatMap((message) => [site.send(message), enclave.send(message)]));
    for (const message of messages) {
      for (const received of [await enclave.next(), await site.next()]) {
        expect(received !== null && bytesEqual(received, message)).toBe(true);
      }
    }
  });

  test('beyond the limit are refused before they are sent', async () => {
    const { site, enclave } = await opened(new SimulatedStudy(), { site: { maxMessageBytes: 100 } });
    await expect(site.send(new Uint8Array(101))).rejects.toMatchObject(refusedWith('E-CHANNEL-SIZE'));
    await site.send(new Uint8Array(100));
    expect(await enclave.next()).toHaveLength(100);
  });

  test('beyond the limit of the receiver end the session by name', async () => {
    const { site, enclave } = await opened(new SimulatedStudy(), { enclave: { maxMessageBytes: FRAGMENT_BYTES } });
    await site.send(new Uint8Array(FRAGMENT_BYTES + 1));
    await expect(enclave.next()).rejects.toMatchObject(refusedWith('E-CHANNEL-SIZE'));
    await expect(site.next()).rejects.toMatchObject(refusedWith('E-CHANNEL-SIZE'));
  });

  test('are read from the transport no faster than the application takes them', async () => {
    const pair = duplexPair();
    let taken = 0;
    const counting = {
      ...pair.enclave,
      next: () => {
        taken += 1;
        return pair.enclave.next();
      },
    };
    const study = new SimulatedStudy();
    const { site, enclave } = await opened(study, { site: { duplex: pair.site }, enclave: { duplex: counting } });
    const before = taken;
    for (let i = 0; i < 200; i++) await site.send(Uint8Array.of(i));
    await settle();
    expect(taken - before).toBeLessThan(70);
    for (let i = 0; i < 200; i++) expect(await enclave.next()).toEqual(Uint8Array.of(i));
  });
});

describe('end', () => {
  test('a clean end delivers what was sent, then null, and leaves no timer', async () => {
    const study = new SimulatedStudy();
    const { site, enclave } = await opened(study);
    const last = site.send(utf8('last words'));
    await Promise.all([last, site.close(), site.close()]);
    expect(await enclave.next()).toEqual(utf8('last words'));
    expect(await enclave.next()).toBeNull();
    expect(await site.next()).toBeNull();
    await enclave.close();
    await expect(site.send(utf8('more'))).rejects.toMatchObject(refusedWith('E-CHANNEL-TRUNCATED'));
    await expect(enclave.send(utf8('more'))).rejects.toMatchObject(refusedWith('E-CHANNEL-TRUNCATED'));
    expect(study.clock.pendingTimers).toBe(0);
  });

  test('a peer that never says goodbye does not hold up the close', async () => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    let silent = false;
    const deaf = {
      ...pair.enclave,
      send: async (frame: Uint8Array) => (silent ? undefined : pair.enclave.send(frame)),
    };
    const { site } = await opened(study, { enclave: { duplex: deaf }, site: { duplex: pair.site } });
    silent = true;
    const closing = site.close();
    await study.clock.advance(6_000);
    await closing;
  });

  test('a transport that ends without the final frame is a truncation on both sides', async () => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const { site, enclave } = await opened(study, { enclave: { duplex: pair.enclave }, site: { duplex: pair.site } });
    pair.site.close();
    await expect(site.next()).rejects.toMatchObject(refusedWith('E-CHANNEL-TRUNCATED'));
    await expect(enclave.next()).rejects.toMatchObject(refusedWith('E-CHANNEL-TRUNCATED'));
    await settle();
    expect(study.clock.pendingTimers).toBe(0);
  });

  test('after an hour the session ends with a retryable reason, although both re-attest', async () => {
    const study = new SimulatedStudy();
    const { site, enclave } = await opened(study);
    await study.clock.advance(SESSION_LIFETIME_MS - 10_000, 5_000);
    await site.send(utf8('still open'));
    expect(await enclave.next()).toEqual(utf8('still open'));
    await study.clock.advance(15_000);
    await expect(site.next()).rejects.toMatchObject(refusedWith('E-CHANNEL-EXPIRED'));
    await expect(enclave.next()).rejects.toMatchObject(refusedWith('E-CHANNEL-EXPIRED'));
    expect(SESSION_LIFETIME_MS / INTERVAL_MS).toBe(12);
  });
});
