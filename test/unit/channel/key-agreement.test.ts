import { expect, test } from 'vitest';
import { encapsulate, generateKemKey } from '../../../lib/channel/key-agreement.ts';
import { systemRandom } from '../../../lib/channel/random.ts';
import { utf8 } from '../../../lib/core/bytes.ts';
import { XWing } from '@hpke/hybridkem-x-wing';
import { vi } from 'vitest';

const info = utf8('transcript');

test('both ends export the same, and other labels, fields and transcripts give other bytes', async () => {
  const key = await generateKemKey(systemRandom);
  const sent = await encapsulate(key.publicKey, info);
  if (!sent.ok) throw new Error(sent.error.code);
  const received = await key.decapsulate(sent.value.enc, info);
  if (!received.ok) throw new Error(received.error.code);
  const [ours, theirs] = [sent.value.exporter, received.value];
  const exported = await Promise.all([
    ours('key', utf8('site')),
    ours('key', utf8('enclave')),
    ours('sid', sent.value.enc),
    ours('k', utf8('eysite')),
    ours('keysite'),
  ]);
  expect(new Set(exported.map((bytes) => bytes.join())).size).toBe(exported.length);
  expect(await theirs('key', utf8('site'))).toEqual(exported[0]);
});

test('another transcript, or another key, agrees on nothing', async () => {
  const [one, other] = [await generateKemKey(systemRandom), await generateKemKey(systemRandom)];
  const sent = await encapsulate(one.publicKey, info);
  if (!sent.ok) throw new Error(sent.error.code);
  const wrongKey = await other.decapsulate(sent.value.enc, info);
  const wrongInfo = await one.decapsulate(sent.value.enc, utf8('another transcript'));
  if (!wrongKey.ok || !wrongInfo.ok) throw new Error('implicit rejection gives another secret, not a failure');
  const expected = await sent.value.exporter('sid');
  expect(await wrongKey.value('sid')).not.toEqual(expected);
  expect(await wrongInfo.value('sid')).not.toEqual(expected);
});

test('the secret key is overwritten after decapsulation and serves once', async () => {
  const kept: Uint8Array[] = [];
  // The library's own view on the key is what must be empty afterwards, not a copy of the test's.
  const generate = vi.spyOn(XWing.prototype, 'generateKeyPairDerand');
  const key = await generateKemKey(systemRandom);
  kept.push(...generate.mock.calls.map(([seed]) => seed));
  const pair: unknown = await generate.mock.results[0]?.value;
  const inside = (pair as { privateKey: { key: Uint8Array } }).privateKey.key;
  generate.mockRestore();
  expect(inside.some((byte) => byte !== 0)).toBe(true);
  const sent = await encapsulate(key.publicKey, info);
  if (!sent.ok) throw new Error(sent.error.code);
  expect((await key.decapsulate(sent.value.enc, info)).ok).toBe(true);
  expect(inside).toEqual(new Uint8Array(32));
  expect(kept[0]).toEqual(new Uint8Array(32));
  await expect(key.decapsulate(sent.value.enc, info)).rejects.toThrow('one session');
});

test('hostile keys and ciphertexts are refusals', async () => {
  const key = await generateKemKey(systemRandom);
  expect(await key.decapsulate(new Uint8Array(7), info)).toMatchObject({
    ok: false,
    error: { code: 'E-MESSAGE-INVALID' },
  });
  for (const hostile of [new Uint8Array(1216).fill(0xff), new Uint8Array(1216), new Uint8Array(3)]) {
    expect(await encapsulate(hostile, info)).toMatchObject({ ok: false, error: { code: 'E-MESSAGE-INVALID' } });
  }
});
