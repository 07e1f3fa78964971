import { createCipheriv, createDecipheriv } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  Aes128Gcm,
  Aes256Gcm,
  CipherSuite,
  DhkemP256HkdfSha256,
  DhkemX25519HkdfSha256,
  ExportOnly,
  HkdfSha256,
  HkdfSha512,
  type AeadInterface,
} from '@hpke/core';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const FILE = fileURLToPath(new URL('../../../../shared/vectors/hpke/rfc9180-base-psk.json', import.meta.url));
if (!existsSync(FILE)) console.warn(`skipped: RFC 9180 vectors are not at ../shared/vectors/hpke`);

const hex = z.string().transform((text) => Uint8Array.from(Buffer.from(text, 'hex')));
const vector = z.object({
  mode: z.union([z.literal(0), z.literal(1)]),
  kem_id: z.number(),
  kdf_id: z.number(),
  aead_id: z.number(),
  info: hex,
  ikmR: hex,
  ikmE: hex,
  skRm: hex,
  pkRm: hex,
  pkEm: hex,
  psk: hex.optional(),
  psk_id: hex.optional(),
  enc: hex,
  encryptions: z.array(z.object({ aad: hex, ct: hex, pt: hex })),
  exports: z.array(z.object({ exporter_context: hex, L: z.number(), exported_value: hex })),
});
type Vector = z.output<typeof vector>;

const vectors: Vector[] = existsSync(FILE) ? z.array(vector).parse(JSON.parse(readFileSync(FILE, 'utf8'))) : [];

/** RFC 9180 §7.3, AEAD 3; @hpke/core leaves it to Node. Only these vectors need it. */
class ChaCha20Poly1305 implements AeadInterface {
  readonly id = 3;
  readonly keySize = 32;
  readonly nonceSize = 12;
  readonly tagSize = 16;

  createEncryptionContext(rawKey: ArrayBufferLike | ArrayBufferView) {
    const key = bytesOf(rawKey);
    return {
      async seal(
        iv: ArrayBufferLike | ArrayBufferView,
        data: ArrayBufferLike | ArrayBufferView,
        aad: ArrayBufferLike | ArrayBufferView,
      ) {
        const plaintext = bytesOf(data);
        const cipher = createCipheriv('chacha20-poly1305', key, bytesOf(iv), { authTagLength: 16 });
        cipher.setAAD(bytesOf(aad), { plaintextLength: plaintext.length });
        return Uint8Array.from(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])).buffer;
      },
      async open(
        iv: ArrayBufferLike | ArrayBufferView,
        data: ArrayBufferLike | ArrayBufferView,
        aad: ArrayBufferLike | ArrayBufferView,
      ) {
        const sealed = bytesOf(data);
        const decipher = createDecipheriv('chacha20-poly1305', key, bytesOf(iv), { authTagLength: 16 });
        decipher.setAAD(bytesOf(aad), { plaintextLength: sealed.length - 16 });
        decipher.setAuthTag(sealed.subarray(-16));
        return Uint8Array.from(Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])).buffer;
      },
    };
  }
}

const bytesOf = (data: ArrayBufferLike | ArrayBufferView): Uint8Array =>
  ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
const plain = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

function suiteOf({ kem_id, kdf_id, aead_id }: Vector): CipherSuite {
  const aead = {
    1: () => new Aes128Gcm(),
    2: () => new Aes256Gcm(),
    3: () => new ChaCha20Poly1305(),
    65535: () => new ExportOnly(),
  }[aead_id];
  if (aead === undefined) throw new Error('unknown AEAD');
  return new CipherSuite({
    kem: kem_id === 32 ? new DhkemX25519HkdfSha256() : new DhkemP256HkdfSha256(),
    kdf: kdf_id === 1 ? new HkdfSha256() : new HkdfSha512(),
    aead: aead(),
  });
}

async function contextsOf(vector: Vector) {
  const suite = suiteOf(vector);
  const { psk: key, psk_id: id } = vector;
  const psk = key !== undefined && id !== undefined ? { psk: { key: plain(key), id: plain(id) } } : {};
  const recipient = await suite.kem.deriveKeyPair(plain(vector.ikmR));
  const ephemeral = await suite.kem.deriveKeyPair(plain(vector.ikmE));
  const info = plain(vector.info);
  const sender = await suite.createSenderContext({
    recipientPublicKey: recipient.publicKey,
    info,
    ekm: ephemeral,
    ...psk,
  });
  const imported = await suite.kem.importKey('raw', plain(vector.skRm), false);
  const receiver = await suite.createRecipientContext({ recipientKey: imported, enc: plain(vector.enc), info, ...psk });
  const publicKeys = {
    recipient: new Uint8Array(await suite.kem.serializePublicKey(recipient.publicKey)),
    ephemeral: new Uint8Array(await suite.kem.serializePublicKey(ephemeral.publicKey)),
  };
  return { sender, receiver, publicKeys };
}

describe.skipIf(vectors.length === 0)('RFC 9180 Appendix A vectors, DHKEM(X25519) and DHKEM(P-256)', () => {
  test('are all there', () => {
    expect(vectors).toHaveLength(32);
    expect(vectors.filter(({ mode }) => mode === 0)).toHaveLength(16);
  });

  test.each(
    vectors.map((item) => ({
      item,
      name: `mode ${item.mode} kem ${item.kem_id} kdf ${item.kdf_id} aead ${item.aead_id}`,
    })),
  )('$name: keys, encapsulation, encryptions, exports', async ({ item }) => {
    const { sender, receiver, publicKeys } = await contextsOf(item);
    expect(publicKeys.recipient).toEqual(item.pkRm);
    expect(publicKeys.ephemeral).toEqual(item.pkEm);
    expect(new Uint8Array(sender.enc)).toEqual(item.enc);
    for (const { aad, ct, pt } of item.encryptions) {
      expect(new Uint8Array(await sender.seal(plain(pt), plain(aad)))).toEqual(ct);
      expect(new Uint8Array(await receiver.open(plain(ct), plain(aad)))).toEqual(pt);
    }
    for (const { exporter_context, L, exported_value } of item.exports) {
      for (const side of [sender, receiver]) {
        expect(new Uint8Array(await side.export(plain(exporter_context), L))).toEqual(exported_value);
      }
    }
    expect(item.exports).toHaveLength(3);
    expect(item.encryptions).toHaveLength(item.aead_id === 65535 ? 0 : 12);
  });
});
