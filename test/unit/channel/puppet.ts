import type { FrameDuplex } from '../../../lib/channel/duplex.ts';
import type { FrameType } from '../../../lib/channel/frame-cipher.ts';
import {
  decodeHello,
  decodeOffer,
  decodeOpen,
  encodeHello,
  encodeOffer,
  encodeOpen,
  SUITE,
  VERSION,
  type Hello,
} from '../../../lib/channel/handshake-messages.ts';
import { encapsulate, generateKemKey, type Exporter } from '../../../lib/channel/key-agreement.ts';
import { systemRandom } from '../../../lib/channel/random.ts';
import { SealedLink } from '../../../lib/channel/sealed-link.ts';
import { transcriptHash } from '../../../lib/channel/transcript.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import type { Result } from '../../../lib/core/result.ts';
import { CONTRACT } from './simulated-session.ts';

/** An attacker's end of a session: the channel's own parts, obeying nobody. */
export interface Puppet {
  readonly link: SealedLink;
  readonly exporter: Exporter;
  /** The nonce that the other side wants answered. */
  readonly theirNonce: Uint8Array;
  /** The nonce that the puppet gave. */
  readonly ownNonce: Uint8Array;
}

/** Reads the Hello of a site; the puppet may look at it before it says anything. */
export async function receiveHello(duplex: FrameDuplex): Promise<{ bytes: Uint8Array; hello: Hello }> {
  const bytes = await receive(duplex);
  return { bytes, hello: must(decodeHello(bytes)) };
}

/** Plays the enclave's side of the key agreement towards a site. */
export async function puppetEnclave(
  duplex: FrameDuplex,
  { bytes, hello }: { bytes: Uint8Array; hello: Hello },
  ownNonce: Uint8Array = systemRandom(32),
): Promise<Puppet> {
  const key = await generateKemKey(systemRandom);
  const offer = encodeOffer({ suite: SUITE, nonce: ownNonce, kemPublicKey: key.publicKey });
  await duplex.send(offer);
  const { enc } = must(decodeOpen(await receive(duplex)));
  const exporter = must(await key.decapsulate(enc, transcriptHash(bytes, offer)));
  const link = await SealedLink.derive({ duplex, ownRole: 'enclave', exporter, enc });
  return { link, exporter, theirNonce: hello.nonce, ownNonce };
}

/** Plays the site's side of the key agreement towards an enclave. */
export async function puppetSite(duplex: FrameDuplex, ownNonce: Uint8Array = systemRandom(32)): Promise<Puppet> {
  const hello = encodeHello({ version: VERSION, suite: SUITE, contractDigest: CONTRACT, nonce: ownNonce });
  await duplex.send(hello);
  const offerBytes = await receive(duplex);
  const offer = must(decodeOffer(offerBytes));
  const { enc, exporter } = must(await encapsulate(offer.kemPublicKey, transcriptHash(hello, offerBytes)));
  await duplex.send(encodeOpen({ enc }));
  const link = await SealedLink.derive({ duplex, ownRole: 'site', exporter, enc });
  return { link, exporter, theirNonce: offer.nonce, ownNonce };
}

/** The plaintext of the next sealed frame, which the attack needs to be of this type. */
export async function receiveSealed({ link }: Puppet, type: FrameType): Promise<Uint8Array> {
  const frame = await link.receive();
  if (frame?.type !== type) throw new Error(`the attack expected ${type}, got ${frame?.type ?? 'the end'}`);
  return frame.plaintext;
}

export function must<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw new Error(`${result.error.code} ${result.error.detail}`);
  return result.value;
}

async function receive(duplex: FrameDuplex): Promise<Uint8Array> {
  const bytes = await duplex.next();
  if (bytes === null) throw new Error('the transport ended');
  return bytes;
}
