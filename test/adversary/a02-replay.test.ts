// PROTOCOL §8 A2: evidence of an earlier session, of att_seq k at k+1, of the other role.
import { describe, expect, test } from 'vitest';
import { acceptSiteSession } from '../../lib/channel/accept-site-session.ts';
import { duplexPair } from '../../lib/channel/duplex-pair.ts';
import { openSiteSession } from '../../lib/channel/open-site-session.ts';
import { decodeChallenge, decodeEvidenceMessage, encodeEvidenceMessage } from '../../lib/channel/sealed-messages.ts';
import { organisationId } from '../../lib/core/ids.ts';
import { settle } from '../unit/channel/fake-clock.ts';
import {
  handshakeAsEnclave,
  must,
  puppetEnclave,
  puppetSite,
  receiveHello,
  receiveSealed,
} from '../unit/channel/puppet.ts';
import { codeOf, INTERVAL_MS, meet, MEASUREMENTS, SimulatedStudy } from '../unit/channel/simulated-session.ts';

const refusedWith = (code: string) => ({ refusals: [{ code }] });

/** Somebody who looks like a site gets the enclave's evidence: it attests first, to anybody. */
async function evidenceOfEnclave(study: SimulatedStudy, siteNonce?: Uint8Array): Promise<Uint8Array> {
  const pair = duplexPair();
  const accepting = acceptSiteSession(study.enclaveOptions(pair.enclave));
  let message = new Uint8Array();
  const thief = (async () => {
    const puppet = await puppetSite(pair.site, siteNonce);
    message = Uint8Array.from(await receiveSealed(puppet, 'evidence'));
    pair.site.close();
  })();
  await meet(study, accepting, accepting);
  await thief;
  return message;
}

async function showToSite(study: SimulatedStudy, message: Uint8Array, random?: (length: number) => Uint8Array) {
  const pair = duplexPair();
  const options = study.siteOptions(pair.site);
  const opening = openSiteSession({ ...options, random: random ?? options.random });
  const replay = (async () => {
    const puppet = await puppetEnclave(pair.enclave, await receiveHello(pair.enclave));
    await puppet.link.send('evidence', message);
  })();
  const outcome = await meet(study, opening, opening);
  await replay;
  return outcome.site;
}

describe('A2 replay', () => {
  test('evidence of an earlier session is refused', async () => {
    const study = new SimulatedStudy();
    const earlier = await evidenceOfEnclave(study);
    expect(await showToSite(study, earlier)).toMatchObject({ ok: false, error: { code: 'E-ATTEST-BINDING' } });
  });

  test('even if the site repeats its nonce', async () => {
    const study = new SimulatedStudy();
    const nonce = new Uint8Array(32).fill(7);
    const earlier = await evidenceOfEnclave(study, nonce);
    const outcome = await showToSite(study, earlier, (length) => new Uint8Array(length).fill(7));
    expect(outcome).toMatchObject({ ok: false, error: { code: 'E-ATTEST-BINDING', detail: 'report data' } });
  });

  test.each([
    ['as it was', 'attestation number', (message: Uint8Array) => message],
    [
      'renumbered',
      'report data',
      (message: Uint8Array) =>
        encodeEvidenceMessage({ ...must(decodeEvidenceMessage(message)), attestationSequence: 1 }),
    ],
  ])('evidence number 0 as the answer to challenge number 1, %s, ends the session', async (_, detail, dress) => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const opening = openSiteSession(study.siteOptions(pair.site));
    const machine = (async () => {
      const { puppet, first } = await handshakeAsEnclave(study, pair.enclave);
      const challenge = must(decodeChallenge(await receiveSealed(puppet, 'challenge')));
      expect(challenge.attestationSequence).toBe(1);
      await puppet.link.send('evidence', dress(first));
    })();
    const { site } = await meet(study, opening, opening);
    await study.clock.advance(INTERVAL_MS + 1_000);
    await machine;
    await settle();
    await expect(must(site).next()).rejects.toMatchObject({ refusals: [{ code: 'E-ATTEST-BINDING', detail }] });
  });

  test('an answer twice is evidence that nobody asked for', async () => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const opening = openSiteSession(study.siteOptions(pair.site));
    const machine = (async () => {
      const { puppet, first } = await handshakeAsEnclave(study, pair.enclave);
      await puppet.link.send('evidence', first);
    })();
    const { site } = await meet(study, opening, opening);
    await machine;
    await settle();
    await expect(must(site).next()).rejects.toMatchObject(refusedWith('E-CHANNEL-STATE'));
  });

  test("the enclave's own evidence, thrown back as a site's, is refused", async () => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const options = study.enclaveOptions(pair.enclave);
    // The most lenient policy there could be: the same program and machine would pass as a site.
    const policy = { ...options.appraisal.policy, measurements: [MEASUREMENTS.enclave], instances: null };
    const accepting = acceptSiteSession({ ...options, appraisal: { ...options.appraisal, policy } });
    const mirror = (async () => {
      const puppet = await puppetSite(pair.site);
      const own = must(decodeEvidenceMessage(await receiveSealed(puppet, 'evidence')));
      const thrown = encodeEvidenceMessage({ ...own, organisation: organisationId('st-anna') });
      await puppet.link.send('evidence', thrown);
    })();
    const { enclave } = await meet(study, accepting, accepting);
    await mirror;
    expect(codeOf(enclave)).toBe('E-ATTEST-ROLE');
    expect(enclave).toMatchObject({ error: { detail: expect.stringContaining('E-ATTEST-BINDING') as string } });
  });
});
