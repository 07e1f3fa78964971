import { Aes256Gcm, CipherSuite, HkdfSha256, HpkeError } from '@hpke/core';
import { XWing } from '@hpke/hybridkem-x-wing';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Random } from './random.ts';
import { exportContext } from './transcript.ts';

const EXPORT_BYTES = 32;
const KEM_SEED_BYTES = 32;

/** `Export(label, x…)` of PROTOCOL §4.2: 32 bytes that only the two ends of one key agreement share. */
export type Exporter = (label: string, ...fields: readonly Uint8Array[]) => Promise<Uint8Array>;

/** A fresh X-Wing key of the enclave, good for one session. */
export interface KemKey {
  /** 1216 bytes. */
  readonly publicKey: Uint8Array;
  /** May be called once; the secret key is overwritten whatever comes out. */
  decapsulate(enc: Uint8Array, info: Uint8Array): Promise<Result<Exporter, Refusal>>;
}

/** RFC 9180 mode base; the AEAD is part of the suite's name, but HPKE's own Seal is never used. */
const newSuite = (): CipherSuite => new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

interface ExportingContext {
  export(context: ArrayBuffer, length: number): Promise<ArrayBuffer>;
}

const exporterOf =
  (context: ExportingContext): Exporter =>
  async (label, ...fields) =>
    new Uint8Array(await context.export(toBuffer(exportContext(label, ...fields)), EXPORT_BYTES));

export async function generateKemKey(random: Random): Promise<KemKey> {
  // A buffer of its own: the library keeps a view on it, so that overwriting it here overwrites the key there.
  const seed = Uint8Array.from(random(KEM_SEED_BYTES));
  const kem = new XWing();
  const { publicKey, privateKey } = await kem.generateKeyPairDerand(seed);
  let used = false;
  return {
    publicKey: new Uint8Array(await kem.serializePublicKey(publicKey)),
    async decapsulate(enc, info) {
      if (used) throw new Error('a KEM key serves one session');
      used = true;
      try {
        return await hpke('encapsulation', async () => {
          const context = await newSuite().createRecipientContext({
            recipientKey: privateKey,
            enc: toBuffer(enc),
            info: toBuffer(info),
          });
          return exporterOf(context);
        });
      } finally {
        seed.fill(0);
      }
    },
  };
}

/** Site's side. E-MESSAGE-INVALID when `publicKey` is not a usable X-Wing key. */
export function encapsulate(
  publicKey: Uint8Array,
  info: Uint8Array,
): Promise<Result<{ enc: Uint8Array; exporter: Exporter }, Refusal>> {
  return hpke('KEM public key', async () => {
    const suite = newSuite();
    const context = await suite.createSenderContext({
      recipientPublicKey: await suite.kem.deserializePublicKey(toBuffer(publicKey)),
      info: toBuffer(info),
    });
    return { enc: new Uint8Array(context.enc), exporter: exporterOf(context) };
  });
}

/** The library throws its own errors on hostile keys and ciphertexts; everything else is a bug and goes on up. */
async function hpke<T>(what: string, run: () => Promise<T>): Promise<Result<T, Refusal>> {
  try {
    return ok(await run());
  } catch (fault) {
    if (fault instanceof HpkeError) return err(refusal('E-MESSAGE-INVALID', `${what} is not usable`));
    throw fault;
  }
}

const toBuffer = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;
