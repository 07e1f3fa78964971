import type { Role } from '../../../lib/attestation/claims.ts';
import { duplexPair } from '../../../lib/channel/duplex-pair.ts';
import type { FrameDuplex } from '../../../lib/channel/duplex.ts';
import { evidenceDigest, EvidenceExchange } from '../../../lib/channel/evidence-exchange.ts';
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
import { encodeConfirm, type Confirm } from '../../../lib/channel/sealed-messages.ts';
import { SealedLink } from '../../../lib/channel/sealed-link.ts';
import { transcriptHash } from '../../../lib/channel/transcript.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import { ok, type Result } from '../../../lib/core/result.ts';
import { CONTRACT, type SimulatedStudy } from './simulated-session.ts';

/** An attacker's end of a session: the channel's own parts, obeying nobody. */
export interface Puppet {
  readonly role: Role;
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
  return { role: 'enclave', link, exporter, theirNonce: hello.nonce, ownNonce };
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
  return { role: 'site', link, exporter, theirNonce: offer.nonce, ownNonce };
}

/** Evidence that a genuine chip makes for the puppet's session: the program is right, its manners are not. */
export function genuineExchange(study: SimulatedStudy, { exporter, role }: Puppet): EvidenceExchange {
  const { site, enclave } = duplexPair();
  const { bootKey } = study.enclaveOptions(enclave);
  const shared = role === 'enclave' ? study.enclaveOptions(enclave) : study.siteOptions(site);
  const credentials =
    role === 'site'
      ? study.siteOptions(site).credentials
      : () => ({ bootKey, organisation: null, endorsement: new Uint8Array() });
  return new EvidenceExchange({ ...shared, ownRole: role, exporter, credentials, admit: async () => ok(null) });
}

export interface Handshaken {
  readonly puppet: Puppet;
  readonly exchange: EvidenceExchange;
  /** The puppet's first evidence. */
  readonly first: Uint8Array;
}

/** A handshake with a site that a genuine enclave could have made, up to its confirm, which `confirm` may spoil. */
export async function handshakeAsEnclave(
  study: SimulatedStudy,
  duplex: FrameDuplex,
  confirm: (genuine: Confirm) => Confirm | null = (genuine) => genuine,
): Promise<Handshaken> {
  const puppet = await puppetEnclave(duplex, await receiveHello(duplex));
  const exchange = genuineExchange(study, puppet);
  const first = await exchange.produce({ nonce: puppet.theirNonce, attestationSequence: 0 });
  await puppet.link.send('evidence', first);
  const siteEvidence = await receiveSealed(puppet, 'evidence');
  await receiveSealed(puppet, 'confirm');
  const seen = { enclaveEvidence: evidenceDigest(first), siteEvidence: evidenceDigest(siteEvidence) };
  const said = confirm({ role: 'enclave', ...seen });
  if (said !== null) await puppet.link.send('confirm', encodeConfirm(said));
  return { puppet, exchange, first };
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
