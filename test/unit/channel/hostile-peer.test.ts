import { describe, expect, test } from 'vitest';
import { acceptSiteSession } from '../../../lib/channel/accept-site-session.ts';
import { duplexPair } from '../../../lib/channel/duplex-pair.ts';
import { evidenceDigest } from '../../../lib/channel/evidence-exchange.ts';
import {
  decodeDeclined,
  encodeDeclined,
  encodeHello,
  encodeOffer,
  SUITE,
  VERSION,
} from '../../../lib/channel/handshake-messages.ts';
import { FRAGMENT_BYTES } from '../../../lib/channel/message-fragments.ts';
import { openSiteSession } from '../../../lib/channel/open-site-session.ts';
import {
  decodeChallenge,
  decodeEvidenceMessage,
  encodeChallenge,
  encodeConfirm,
  encodeEvidenceMessage,
  encodeRefuse,
  type Confirm,
  type EvidenceMessage,
} from '../../../lib/channel/sealed-messages.ts';
import type { FrameType } from '../../../lib/channel/frame-cipher.ts';
import { organisationId } from '../../../lib/core/ids.ts';
import { settle } from './fake-clock.ts';
import {
  genuineExchange,
  handshakeAsEnclave,
  must,
  puppetEnclave,
  puppetSite,
  receiveHello,
  receiveSealed,
  type Handshaken,
} from './puppet.ts';
import { codeOf, CONTRACT, digestOf, INTERVAL_MS, meet, SimulatedStudy } from './simulated-session.ts';

const LAST_FRAGMENT = Uint8Array.of(1, 42);

/** A site in a session with a puppet that does `then` after a proper handshake. */
async function siteAgainst(then: (machine: Handshaken) => Promise<void>, advanceMs = 0) {
  const study = new SimulatedStudy();
  const pair = duplexPair();
  const opening = openSiteSession(study.siteOptions(pair.site));
  const machine = (async () => {
    await then(await handshakeAsEnclave(study, pair.enclave));
  })();
  const { site } = await meet(study, opening, opening);
  await study.clock.advance(advanceMs);
  await machine;
  await settle();
  return must(site);
}

describe('suite and version (PROTOCOL §2.3: no negotiation)', () => {
  const nonce = new Uint8Array(32);
  const hello = { version: VERSION, suite: SUITE, contractDigest: CONTRACT, nonce };

  test.each([
    ['another version', { ...hello, version: 2 }],
    ['version 0', { ...hello, version: 0 }],
    ['a classical suite', { ...hello, suite: 'HPKE-base/X25519/HKDF-SHA256/AES-256-GCM' }],
    ['no suite', { ...hello, suite: '' }],
  ])('the enclave declines %s and says why', async (_, said) => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const accepting = acceptSiteSession(study.enclaveOptions(pair.enclave));
    await pair.site.send(encodeHello(said));
    const { enclave } = await meet(study, accepting, accepting);
    expect(codeOf(enclave)).toBe('E-CHANNEL-VERSION');
    expect(must(decodeDeclined((await pair.site.next()) ?? new Uint8Array())).code).toBe('E-CHANNEL-VERSION');
    expect(study.quotes).toBe(0);
  });

  test('the site declines an offer of another suite', async () => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const opening = openSiteSession(study.siteOptions(pair.site));
    await pair.enclave.send(encodeOffer({ suite: 'none', nonce, kemPublicKey: new Uint8Array(1216) }));
    const { site } = await meet(study, opening, opening);
    expect(site).toMatchObject({ ok: false, error: { code: 'E-CHANNEL-VERSION', got: 'none', want: SUITE } });
  });

  test('a word of decline before there are keys is taken as what it is', async () => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const opening = openSiteSession(study.siteOptions(pair.site));
    await pair.enclave.send(encodeDeclined({ code: 'E-CHANNEL-CONTRACT' }));
    const { site } = await meet(study, opening, opening);
    expect(site).toMatchObject({ error: { code: 'E-CHANNEL-CONTRACT', detail: 'said by the peer, unauthenticated' } });
  });
});

describe('confirm (PROTOCOL §4.4)', () => {
  const SPOILED: [string, (genuine: Confirm) => Confirm][] = [
    ['role', (genuine) => ({ ...genuine, role: genuine.role === 'site' ? 'enclave' : 'site' })],
    ['enclave evidence', (genuine) => ({ ...genuine, enclaveEvidence: digestOf('other') })],
    ['site evidence', (genuine) => ({ ...genuine, siteEvidence: digestOf('other') })],
  ];

  test.each(SPOILED)('with another %s is refused by the site', async (_, spoil) => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const opening = openSiteSession(study.siteOptions(pair.site));
    const machine = handshakeAsEnclave(study, pair.enclave, spoil);
    const { site } = await meet(study, opening, opening);
    await machine;
    expect(codeOf(site)).toBe('E-CHANNEL-STATE');
  });

  test.each(SPOILED)('with another %s is refused by the enclave', async (_, spoil) => {
    expect(await enclaveAgainstSite(spoil)).toBe('E-CHANNEL-STATE');
  });

  test('a genuine one is accepted, so that the refusals above mean something', async () => {
    expect(await enclaveAgainstSite((genuine) => genuine)).toBe('accepted');
  });

  test.each<FrameType>(['application', 'challenge', 'final', 'evidence'])(
    'a frame of type %s in its place is fatal on both sides',
    async (type) => {
      const study = new SimulatedStudy();
      const pair = duplexPair();
      const opening = openSiteSession(study.siteOptions(pair.site));
      const machine = (async () => {
        const { puppet } = await handshakeAsEnclave(study, pair.enclave, () => null);
        await puppet.link.send(type, LAST_FRAGMENT);
      })();
      const { site } = await meet(study, opening, opening);
      await machine;
      expect(codeOf(site)).toBe('E-CHANNEL-STATE');
      expect(await enclaveAgainstSite(() => null, type)).toBe('E-CHANNEL-STATE');
    },
  );

  test('an application frame instead of evidence is fatal', async () => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const opening = openSiteSession(study.siteOptions(pair.site));
    const machine = (async () => {
      const puppet = await puppetEnclave(pair.enclave, await receiveHello(pair.enclave));
      await puppet.link.send('application', LAST_FRAGMENT);
    })();
    const { site } = await meet(study, opening, opening);
    await machine;
    expect(codeOf(site)).toBe('E-CHANNEL-STATE');
  });
});

describe('evidence that belongs to the other role', () => {
  const change = (message: Uint8Array, over: Partial<EvidenceMessage>): Uint8Array =>
    encodeEvidenceMessage({ ...must(decodeEvidenceMessage(message)), ...over });

  test.each<[string, Partial<EvidenceMessage>]>([
    ['an organisation', { organisation: organisationId('st-anna') }],
    ['an endorsement', { endorsement: Uint8Array.of(1) }],
  ])('an enclave with %s is refused', async (_, over) => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const opening = openSiteSession(study.siteOptions(pair.site));
    const machine = (async () => {
      const puppet = await puppetEnclave(pair.enclave, await receiveHello(pair.enclave));
      const own = await genuineExchange(study, puppet).produce({ nonce: puppet.theirNonce, attestationSequence: 0 });
      await puppet.link.send('evidence', change(own, over));
    })();
    const { site } = await meet(study, opening, opening);
    await machine;
    expect(codeOf(site)).toBe('E-MESSAGE-INVALID');
  });

  test('a site without an organisation is refused', async () => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const accepting = acceptSiteSession(study.enclaveOptions(pair.enclave));
    const machine = (async () => {
      const puppet = await puppetSite(pair.site);
      await receiveSealed(puppet, 'evidence');
      const own = await genuineExchange(study, puppet).produce({ nonce: puppet.theirNonce, attestationSequence: 0 });
      await puppet.link.send('evidence', change(own, { organisation: null }));
    })();
    const { enclave } = await meet(study, accepting, accepting);
    await machine;
    expect(codeOf(enclave)).toBe('E-MESSAGE-INVALID');
  });
});

describe('a peer in an open session', () => {
  const refusedWith = (code: string) => ({ refusals: [{ code }] });

  test('that answers one challenge twice is refused', async () => {
    const site = await siteAgainst(async ({ puppet, exchange }) => {
      const challenge = must(decodeChallenge(await receiveSealed(puppet, 'challenge')));
      const answer = await exchange.produce(challenge);
      await puppet.link.send('evidence', answer);
      await puppet.link.send('evidence', answer);
    }, INTERVAL_MS + 1_000);
    await expect(site.next()).rejects.toMatchObject({
      refusals: [{ code: 'E-CHANNEL-STATE', detail: 'evidence that nobody asked for' }],
    });
  });

  test('that says goodbye within a message has truncated it', async () => {
    const site = await siteAgainst(async ({ puppet }) => {
      await puppet.link.send('application', new Uint8Array(FRAGMENT_BYTES + 1));
      await puppet.link.send('final', new Uint8Array());
    });
    await expect(site.next()).rejects.toMatchObject(refusedWith('E-CHANNEL-TRUNCATED'));
  });

  test('that challenges out of turn is refused', async () => {
    const site = await siteAgainst(async ({ puppet }) => {
      const nonce = new Uint8Array(32);
      await puppet.link.send('challenge', encodeChallenge({ attestationSequence: 7, nonce }));
    });
    await expect(site.next()).rejects.toMatchObject(refusedWith('E-CHANNEL-STATE'));
  });

  test('that sends crumbs, a second confirm or a refusal nobody knows is refused', async () => {
    const sent: [FrameType, Uint8Array, string][] = [
      ['application', Uint8Array.of(0, 1), 'E-MESSAGE-INVALID'],
      ['confirm', LAST_FRAGMENT, 'E-CHANNEL-STATE'],
      ['refuse', LAST_FRAGMENT, 'E-MESSAGE-INVALID'],
      ['refuse', encodeRefuse('E-SITE-WITHDRAWN'), 'E-SITE-WITHDRAWN'],
    ];
    for (const [type, plaintext, code] of sent) {
      const site = await siteAgainst(({ puppet }) => puppet.link.send(type, plaintext));
      await expect(site.next()).rejects.toMatchObject(refusedWith(code));
    }
  });
});

/** How an enclave ends with a site that is genuine up to its confirm. */
async function enclaveAgainstSite(
  spoil: (genuine: Confirm) => Confirm | null,
  instead: FrameType = 'confirm',
): Promise<string> {
  const study = new SimulatedStudy();
  const pair = duplexPair();
  const accepting = acceptSiteSession(study.enclaveOptions(pair.enclave));
  const machine = (async () => {
    const puppet = await puppetSite(pair.site);
    const enclaveEvidence = evidenceDigest(await receiveSealed(puppet, 'evidence'));
    const own = await genuineExchange(study, puppet).produce({ nonce: puppet.theirNonce, attestationSequence: 0 });
    await puppet.link.send('evidence', own);
    const said = spoil({ role: 'site', enclaveEvidence, siteEvidence: evidenceDigest(own) });
    await puppet.link.send(instead, said === null ? LAST_FRAGMENT : encodeConfirm(said));
  })();
  const { enclave } = await meet(study, accepting, accepting);
  await machine;
  return codeOf(enclave);
}
