import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Aes256Gcm, CipherSuite, HkdfSha256 } from '@hpke/core';
import { XWing } from '@hpke/hybridkem-x-wing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { encapsulate, generateKemKey } from '../../../lib/channel/key-agreement.ts';
import { exportContext } from '../../../lib/channel/transcript.ts';
import { utf8 } from '../../../lib/core/bytes.ts';

const FILE = fileURLToPath(new URL('../../../../shared/vectors/hpke/xwing-test-vectors.json', import.meta.url));
if (!existsSync(FILE)) console.warn('skipped: X-Wing vectors are not at ../shared/vectors/hpke');

const hex = z.string().transform((text) => Uint8Array.from(Buffer.from(text, 'hex')));
const vector = z.object({ seed: hex, eseed: hex, ss: hex, sk: hex, pk: hex, ct: hex });
const vectors = existsSync(FILE) ? z.array(vector).parse(JSON.parse(readFileSync(FILE, 'utf8'))) : [];
const info = utf8('transcript');

describe.skipIf(vectors.length === 0)('X-Wing draft vectors', () => {
  test.each(vectors)('vector %#: key generation, encapsulation, decapsulation', async (item) => {
    const kem = new XWing();
    const pair = await kem.generateKeyPairDerand(item.seed.slice());
    expect(new Uint8Array(await kem.serializePublicKey(pair.publicKey))).toEqual(item.pk);
    expect(new Uint8Array(await kem.serializePrivateKey(pair.privateKey))).toEqual(item.sk);
    const { sharedSecret, enc } = await kem.encap({ recipientPublicKey: pair.publicKey, ekm: item.eseed.buffer });
    expect(new Uint8Array(enc)).toEqual(item.ct);
    expect(new Uint8Array(sharedSecret)).toEqual(item.ss);
    const opened = await kem.decap({ recipientKey: pair.privateKey, enc: item.ct.buffer });
    expect(new Uint8Array(opened)).toEqual(item.ss);
  });

  test.each(vectors)(
    "vector %#: the channel's key is the draft's, and its export is RFC 9180 mode base",
    async (item) => {
      const key = await generateKemKey(() => item.seed);
      expect(key.publicKey).toEqual(item.pk);
      const suite = new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
      const reference = await suite.createSenderContext({
        recipientPublicKey: await suite.kem.deserializePublicKey(item.pk.buffer),
        info: info.slice().buffer,
        ekm: item.eseed.buffer,
      });
      const ours = await key.decapsulate(item.ct, info);
      if (!ours.ok) throw new Error(ours.error.code);
      const expected = await reference.export(exportContext('sid', item.ct).slice().buffer, 32);
      expect(await ours.value('sid', item.ct)).toEqual(new Uint8Array(expected));
    },
  );
});

test('the channel has no psk path: a smuggled psk changes nothing, and psk mode does not agree with it', async () => {
  const seed = new Uint8Array(32).fill(9);
  const psk = { key: new Uint8Array(32).fill(1).buffer, id: new Uint8Array(4).buffer };
  const key = await generateKemKey(() => seed.slice());
  const smuggle = encapsulate as unknown as (...all: readonly unknown[]) => ReturnType<typeof encapsulate>;
  const sent = await smuggle(key.publicKey, info, psk, { psk });
  if (!sent.ok) throw new Error(sent.error.code);
  const received = await key.decapsulate(sent.value.enc, info);
  if (!received.ok) throw new Error(received.error.code);
  expect(await received.value('key')).toEqual(await sent.value.exporter('key'));

  const suite = new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  const again = await generateKemKey(() => seed.slice());
  const withPsk = await suite.createSenderContext({
    recipientPublicKey: await suite.kem.deserializePublicKey(again.publicKey.slice().buffer),
    info: info.slice().buffer,
    psk,
  });
  const base = await again.decapsulate(new Uint8Array(withPsk.enc), info);
  if (!base.ok) throw new Error(base.error.code);
  const theirs = new Uint8Array(await withPsk.export(exportContext('key').slice().buffer, 32));
  expect(await base.value('key')).not.toEqual(theirs);
});
