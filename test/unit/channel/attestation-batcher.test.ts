import { expect, test } from 'vitest';
import { MAX_LEAVES, rootOfPath } from '../../../lib/attestation/binder-tree.ts';
import { Binder } from '../../../lib/attestation/binder.ts';
import { decodeEvidence } from '../../../lib/attestation/evidence.ts';
import { parseSimulated } from '../../../lib/attestation/simulated/simulated-evidence.ts';
import { attestationBatcher } from '../../../lib/channel/attestation-batcher.ts';
import { duplexPair } from '../../../lib/channel/duplex-pair.ts';
import { openSiteSession } from '../../../lib/channel/open-site-session.ts';
import { acceptSiteSession } from '../../../lib/channel/accept-site-session.ts';
import { settle } from './fake-clock.ts';
import { CONTRACT, digestOf, headOf, SimulatedStudy } from './simulated-session.ts';

const binderOf = (study: SimulatedStudy, attestationSequence: number): Binder =>
  new Binder({
    role: 'enclave',
    exportedKey: new Uint8Array(32),
    nonce: new Uint8Array(32),
    attestationSequence,
    bootKey: study.bootSigners.enclave.publicKey,
    organisation: null,
    contractDigest: CONTRACT,
    deviceEvidence: null,
    head: headOf(0, 'none'),
  });

function reportDataOf(envelope: Uint8Array): Uint8Array {
  const evidence = decodeEvidence(envelope);
  if (!evidence.ok) throw new Error(evidence.error.code);
  const parsed = parseSimulated(evidence.value.bytes);
  if (!parsed.ok) throw new Error(parsed.error.code);
  return parsed.value.quote.reportData;
}

test('one quote serves all binders of a window, each with a path to its report data', async () => {
  const study = new SimulatedStudy();
  const batcher = attestationBatcher({ attester: study.attester('enclave'), clock: study.clock, windowMs: 10 });
  const binders = Array.from({ length: 200 }, (_, i) => binderOf(study, i));
  const waiting = binders.map((binder) => batcher.attest(binder));
  await study.clock.advance(10, 1);
  const bound = await Promise.all(waiting);
  expect(study.quotes).toBe(1);
  bound.forEach(({ evidence, path }, i) => {
    expect(rootOfPath(binders[i]?.bytes ?? new Uint8Array(), path)).toEqual(reportDataOf(evidence));
    expect(path).toMatchObject({ index: i, size: 200 });
  });
});

test('more than a tree holds are split, and a later window gets a quote of its own', async () => {
  const study = new SimulatedStudy();
  const batcher = attestationBatcher({ attester: study.attester('enclave'), clock: study.clock, windowMs: 10 });
  const waiting = Array.from({ length: MAX_LEAVES + 1 }, (_, i) => batcher.attest(binderOf(study, i)));
  await study.clock.advance(10, 1);
  const sizes = (await Promise.all(waiting)).map(({ path }) => path.size);
  expect(study.quotes).toBe(2);
  expect(sizes.filter((size) => size === MAX_LEAVES)).toHaveLength(MAX_LEAVES);
  const later = batcher.attest(binderOf(study, 0));
  await study.clock.advance(10, 1);
  expect((await later).path.size).toBe(1);
});

test('a failed quote fails every binder that waited for it, and the next one is tried afresh', async () => {
  const study = new SimulatedStudy();
  const genuine = study.attester('enclave');
  let broken = true;
  const attester = {
    attest: (data: Parameters<typeof genuine.attest>[0]) =>
      broken ? Promise.reject(new Error('no quote')) : genuine.attest(data),
  };
  const batcher = attestationBatcher({ attester, clock: study.clock });
  const waiting = Promise.allSettled([batcher.attest(binderOf(study, 0)), batcher.attest(binderOf(study, 1))]);
  await study.clock.advance(10, 1);
  expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  broken = false;
  const next = batcher.attest(binderOf(study, 2));
  await study.clock.advance(10, 1);
  expect((await next).path.size).toBe(1);
});

test('concurrent handshakes at one enclave share quotes', async () => {
  const study = new SimulatedStudy();
  const attester = attestationBatcher({ attester: study.attester('enclave'), clock: study.clock, windowMs: 50 });
  const sessions = Array.from({ length: 8 }, async () => {
    const pair = duplexPair();
    const siteAttester = study.chip('site-machine').attesterFor({ measurement: digestOf('site code'), role: 'site' });
    const site = openSiteSession({
      ...study.siteOptions(pair.site),
      attester: attestationBatcher({ attester: siteAttester, clock: study.clock, windowMs: 0 }),
    });
    const enclave = acceptSiteSession({ ...study.enclaveOptions(pair.enclave), attester });
    return Promise.all([site, enclave]);
  });
  for (let i = 0; i < 30; i++) await study.clock.advance(10, 10);
  await settle();
  const outcomes = (await Promise.all(sessions)).flat();
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(study.quotes).toBeLessThanOrEqual(3);
});
