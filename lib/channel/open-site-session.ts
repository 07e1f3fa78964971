import { ok, type Result } from '../core/result.ts';
import type { Refusal } from '../core/errors.ts';
import type { PublicKey, OrganisationId } from '../core/ids.ts';
import { evidenceDigest, EvidenceExchange, type SessionPeer } from './evidence-exchange.ts';
import {
  decodeDeclined,
  decodeOffer,
  encodeHello,
  encodeOpen,
  NONCE_BYTES,
  SUITE,
  VERSION,
  type Offer,
} from './handshake-messages.ts';
import { Handshake, PeerRefusal, refused, unwrap, type SharedSessionOptions } from './handshake.ts';
import { encapsulate } from './key-agreement.ts';
import { DEFAULT_MAX_MESSAGE_BYTES } from './message-fragments.ts';
import { SealedLink } from './sealed-link.ts';
import { encodeConfirm, type Confirm } from './sealed-messages.ts';
import { Session, type AttestedSession } from './session.ts';
import { transcriptHash } from './transcript.ts';
import { refusal } from '../core/errors.ts';

export interface SiteCredentials {
  readonly bootKey: PublicKey;
  readonly organisation: OrganisationId;
  /** ORG_i's endorsement of `bootKey`, opaque here, at most 8 KiB. */
  readonly endorsement: Uint8Array;
}

export interface SiteSessionOptions extends SharedSessionOptions {
  /** Read at every attestation, so that an endorsement may be renewed while a session lives. */
  readonly credentials: () => SiteCredentials;
  /** A last word on the enclave whose evidence was affirmed; every enclave unless given. */
  readonly admit?: (enclave: SessionPeer) => Promise<Result<null, Refusal>>;
}

/**
 * The site's side of PROTOCOL §4: Hello, Offer, Open, then the enclave's evidence; only after that was appraised and
 * affirmed here does the site show its own. A refusal closes the transport; a fault of the attester or of a callback
 * rejects.
 */
export function openSiteSession(options: SiteSessionOptions): Promise<Result<AttestedSession, Refusal>> {
  const handshake = new Handshake(options);
  return handshake.run(async () => ok(await negotiate(options, handshake)));
}

async function negotiate(options: SiteSessionOptions, handshake: Handshake): Promise<AttestedSession> {
  const { duplex, contractDigest, clock, random, credentials } = options;
  const askedAtMs = clock.monotonicMs();
  const nonce = random(NONCE_BYTES);
  const hello = encodeHello({ version: VERSION, suite: SUITE, contractDigest, nonce });
  await handshake.sendPlain(hello);
  const offerBytes = await handshake.receivePlain();
  const offer = readOffer(offerBytes);
  const { enc, exporter } = unwrap(await encapsulate(offer.kemPublicKey, transcriptHash(hello, offerBytes)));
  await handshake.sendPlain(encodeOpen({ enc }));
  const link = await SealedLink.derive({ duplex, ownRole: 'site', exporter, enc });
  handshake.sealed(link);

  const admit = options.admit ?? (async () => ok(null));
  const exchange = new EvidenceExchange({ ...options, ownRole: 'site', exporter, credentials, admit });
  const enclaveEvidence = await handshake.receiveSealed(link, 'evidence');
  const peer = await exchange.accept(enclaveEvidence, { nonce, attestationSequence: 0 });
  const siteEvidence = await exchange.produce({ nonce: offer.nonce, attestationSequence: 0 });
  await handshake.sendSealed(link, 'evidence', siteEvidence);
  const seen: Omit<Confirm, 'role'> = {
    enclaveEvidence: evidenceDigest(enclaveEvidence),
    siteEvidence: evidenceDigest(siteEvidence),
  };
  await handshake.sendSealed(link, 'confirm', encodeConfirm({ role: 'site', ...seen }));
  await handshake.receiveConfirm(link, { role: 'enclave', ...seen });
  const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES, reattestIntervalMs } = options;
  return new Session({ duplex, link, exchange, peer, clock, random, reattestIntervalMs, askedAtMs, maxMessageBytes });
}

function readOffer(bytes: Uint8Array): Offer {
  const declined = decodeDeclined(bytes);
  if (declined.ok) throw new PeerRefusal(refusal(declined.value.code, 'said by the peer, unauthenticated'));
  const offer = unwrap(decodeOffer(bytes));
  if (offer.suite !== SUITE) throw refused('E-CHANNEL-VERSION', 'suite', { got: offer.suite, want: SUITE });
  return offer;
}
