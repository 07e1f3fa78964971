// PROTOCOL §8 A1: a relay forwards both handshakes through two legs, with and without leaked BOOT_* keys.
import { describe, expect, test } from 'vitest';
import { attestationResult } from '../../lib/attestation/attestation-result.ts';
import { SimulatedChip } from '../../lib/attestation/simulated/chip.ts';
import type { VerifierRegistry } from '../../lib/attestation/verifier.ts';
import { acceptSiteSession } from '../../lib/channel/accept-site-session.ts';
import { attestationBatcher } from '../../lib/channel/attestation-batcher.ts';
import { duplexPair } from '../../lib/channel/duplex-pair.ts';
import { EvidenceExchange } from '../../lib/channel/evidence-exchange.ts';
import { openSiteSession } from '../../lib/channel/open-site-session.ts';
import {
  decodeEvidenceMessage,
  encodeEvidenceMessage,
  type EvidenceMessage,
} from '../../lib/channel/sealed-messages.ts';
import { instant } from '../../lib/core/ids.ts';
import { ok } from '../../lib/core/result.ts';
import { must, puppetEnclave, puppetSite, receiveHello, receiveSealed, type Puppet } from '../unit/channel/puppet.ts';
import {
  codeOf,
  CONTRACT,
  digestOf,
  handshake,
  headOf,
  meet,
  MEASUREMENTS,
  opened,
  SimulatedStudy,
} from '../unit/channel/simulated-session.ts';

/** Site ⇄ relay ⇄ enclave. Both legs use the nonces of the genuine ends: the relay hides as well as it can. */
async function relayBoth(
  study: SimulatedStudy,
  attack: (legs: { toSite: Puppet; toEnclave: Puppet }) => Promise<void>,
  gullible = false,
) {
  const [left, right] = [duplexPair(), duplexPair()];
  const siteOptions = study.siteOptions(left.site);
  const appraisal = gullible ? { ...siteOptions.appraisal, registry: AFFIRMS_ANYTHING } : siteOptions.appraisal;
  const opening = openSiteSession({ ...siteOptions, appraisal });
  const accepting = acceptSiteSession(study.enclaveOptions(right.enclave));
  const relay = (async () => {
    const hello = await receiveHello(left.enclave);
    const toEnclave = await puppetSite(right.site, hello.hello.nonce);
    const toSite = await puppetEnclave(left.enclave, hello, toEnclave.theirNonce);
    await attack({ toSite, toEnclave });
  })();
  const outcome = await meet(study, opening, accepting);
  await relay;
  return outcome;
}

/** A site that was tricked into not looking, so that its evidence comes out. */
const AFFIRMS_ANYTHING: VerifierRegistry = {
  verify: (_, { at }) =>
    attestationResult({
      platform: 'simulated',
      simulated: true,
      at,
      checks: [{ name: 'none', code: 'E-ATTEST-MALFORMED', passed: true, got: '', want: '' }],
    }),
};

const rewritten = (message: Uint8Array, change: (said: EvidenceMessage) => Partial<EvidenceMessage>): Uint8Array => {
  const said = must(decodeEvidenceMessage(message));
  return encodeEvidenceMessage({ ...said, ...change(said) });
};

describe('A1 relay', () => {
  test('forwarding sealed bytes untouched is what every network does, and lets it see and alter nothing', async () => {
    const seen: Uint8Array[] = [];
    const keep = (frame: Uint8Array): Uint8Array[] => {
      seen.push(frame);
      return [frame];
    };
    const { site, enclave } = await opened(new SimulatedStudy(), { taps: { toEnclave: keep, toSite: keep } });
    const secret = new Uint8Array(64).fill(0x5a);
    await site.send(secret);
    expect(await enclave.next()).toEqual(secret);
    expect(seen.some((frame) => Buffer.from(frame).includes(Buffer.from(secret)))).toBe(false);
  });

  test("the enclave's genuine evidence from one leg is refused on the other", async () => {
    const outcome = await relayBoth(new SimulatedStudy(), async ({ toSite, toEnclave }) => {
      await toSite.link.send('evidence', await receiveSealed(toEnclave, 'evidence'));
      const answer = await toSite.link.receive();
      expect(answer?.type).toBe('refuse');
    });
    expect(outcome.site).toMatchObject({ ok: false, error: { code: 'E-ATTEST-BINDING', detail: 'report data' } });
    expect(outcome.enclave.ok).toBe(false);
  });

  test("the site's genuine evidence from one leg is refused on the other, even if the site did not look", async () => {
    const outcome = await relayBoth(
      new SimulatedStudy(),
      async ({ toSite, toEnclave }) => {
        await toSite.link.send('evidence', await receiveSealed(toEnclave, 'evidence'));
        await toEnclave.link.send('evidence', await receiveSealed(toSite, 'evidence'));
        await toEnclave.link.send('confirm', await receiveSealed(toSite, 'confirm'));
      },
      true,
    );
    expect(outcome.enclave).toMatchObject({ ok: false, error: { code: 'E-ATTEST-BINDING', detail: 'report data' } });
    expect(codeOf(outcome.site)).not.toBe('accepted');
  });

  const LEAKED: [string, (study: SimulatedStudy) => (said: EvidenceMessage) => Partial<EvidenceMessage>][] = [
    ['a boot key of its own', () => () => ({ bootKey: new SimulatedStudy().bootSigners.site.publicKey })],
    ["the leaked key of the enclave's boot", (study) => () => ({ bootKey: study.bootSigners.enclave.publicKey })],
    ['another head', () => () => ({ head: headOf(1_000_000_000, 'forged') })],
    [
      'another place in the tree',
      () =>
        ({ path }) => ({ path: { ...path, size: 2, siblings: [new Uint8Array(64)] } }),
    ],
  ];
  test.each(LEAKED)('evidence dressed up with %s is refused', async (_, change) => {
    const study = new SimulatedStudy();
    const outcome = await relayBoth(study, async ({ toSite, toEnclave }) => {
      const genuine = await receiveSealed(toEnclave, 'evidence');
      await toSite.link.send('evidence', rewritten(genuine, change(study)));
    });
    expect(codeOf(outcome.site)).toBe('E-ATTEST-BINDING');
  });

  test.each([
    ['a chip under a root of its own', { rootSeed: digestOf('root of the relay') }, 'E-ATTEST-SIGNATURE'],
    [
      'a genuine chip that runs another program',
      { measurement: digestOf('program of the relay') },
      'E-ATTEST-MEASUREMENT',
    ],
    ['a genuine chip outside the allow-list', { instance: 'rack-of-the-relay' }, 'E-ATTEST-INSTANCE'],
  ])('with leaked BOOT_E and %s, fresh evidence for its own leg is refused', async (_, has, code) => {
    const study = new SimulatedStudy();
    const chip = new SimulatedChip({
      rootSeed: 'rootSeed' in has ? has.rootSeed : study.rootSeed,
      instance: 'instance' in has ? has.instance : 'enclave-machine',
      now: () => instant(Date.UTC(2026, 0, 1)),
    });
    const measurement = 'measurement' in has ? has.measurement : MEASUREMENTS.enclave;
    const attester = attestationBatcher({
      attester: chip.attesterFor({ measurement, role: 'enclave' }),
      clock: study.clock,
      windowMs: 0,
    });
    const pair = duplexPair();
    const opening = openSiteSession(study.siteOptions(pair.site));
    const relay = (async () => {
      const puppet = await puppetEnclave(pair.enclave, await receiveHello(pair.enclave));
      const exchange = new EvidenceExchange({
        ...study.enclaveOptions(pair.enclave),
        ownRole: 'enclave',
        exporter: puppet.exporter,
        attester,
        credentials: () => ({
          bootKey: study.bootSigners.enclave.publicKey,
          organisation: null,
          endorsement: new Uint8Array(),
        }),
        admit: async () => ok(null),
      });
      await puppet.link.send('evidence', await exchange.produce({ nonce: puppet.theirNonce, attestationSequence: 0 }));
    })();
    const outcome = await meet(study, opening, opening);
    await relay;
    expect(codeOf(outcome.site)).toBe(code);
  });

  test('a relay with another contract between the ends is refused by name', async () => {
    const outcome = await handshake(new SimulatedStudy(), { enclave: { contractDigest: digestOf('weaker contract') } });
    expect([codeOf(outcome.site), codeOf(outcome.enclave)]).toEqual(['E-CHANNEL-CONTRACT', 'E-CHANNEL-CONTRACT']);
    expect(CONTRACT).not.toEqual(digestOf('weaker contract'));
  });
});
