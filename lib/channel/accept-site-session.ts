import { bytesEqual, toHex } from '../core/bytes.ts';
import type { Refusal } from '../core/errors.ts';
import type { Digest, OrganisationId, PublicKey } from '../core/ids.ts';
import { ok, type Result } from '../core/result.ts';
import { refusal } from '../core/errors.ts';
import { err } from '../core/result.ts';
import type { AttestationResult } from '../attestation/attestation-result.ts';
import { evidenceDigest, EvidenceExchange, type SessionPeer } from './evidence-exchange.ts';
import { decodeHello, decodeOpen, encodeOffer, NONCE_BYTES, SUITE, VERSION, type Hello } from './handshake-messages.ts';
import { Handshake, refused, unwrap, type SharedSessionOptions } from './handshake.ts';
import { generateKemKey } from './key-agreement.ts';
import { DEFAULT_MAX_MESSAGE_BYTES } from './message-fragments.ts';
import { SealedLink } from './sealed-link.ts';
import { encodeConfirm } from './sealed-messages.ts';
import { Session, type AttestedSession } from './session.ts';
import { transcriptHash } from './transcript.ts';

/** A site whose evidence was affirmed and who now wants to be let in. */
export interface Applicant {
  readonly organisation: OrganisationId;
  readonly bootKey: PublicKey;
  /** To be checked by `admit`: opaque to the channel. */
  readonly endorsement: Uint8Array;
  readonly result: AttestationResult;
}

export interface EnclaveSessionOptions extends SharedSessionOptions {
  readonly bootKey: PublicKey;
  /** Checks the endorsement and who may take part; asked at the start and after every re-attestation. */
  readonly admit: (applicant: Applicant) => Promise<Result<null, Refusal>>;
}

/** The enclave's side of PROTOCOL §4; it attests first. Refusals and faults as in `openSiteSession`. */
export function acceptSiteSession(options: EnclaveSessionOptions): Promise<Result<AttestedSession, Refusal>> {
  const handshake = new Handshake(options);
  return handshake.run(async () => ok(await negotiate(options, handshake)));
}

async function negotiate(options: EnclaveSessionOptions, handshake: Handshake): Promise<AttestedSession> {
  const { duplex, contractDigest, clock, random, bootKey } = options;
  const hello = await handshake.receivePlain();
  const { nonce: siteNonce } = readHello(hello, contractDigest);
  const kemKey = await generateKemKey(random);
  const askedAtMs = clock.monotonicMs();
  const nonce = random(NONCE_BYTES);
  const offer = encodeOffer({ suite: SUITE, nonce, kemPublicKey: kemKey.publicKey });
  await handshake.sendPlain(offer);
  const { enc } = unwrap(decodeOpen(await handshake.receivePlain()));
  const exporter = unwrap(await kemKey.decapsulate(enc, transcriptHash(hello, offer)));
  const link = await SealedLink.derive({ duplex, ownRole: 'enclave', exporter, enc });
  handshake.sealed(link);

  const credentials = () => ({ bootKey, organisation: null, endorsement: new Uint8Array() });
  const admit = (peer: SessionPeer): Promise<Result<null, Refusal>> => admitSite(options, peer);
  const exchange = new EvidenceExchange({ ...options, ownRole: 'enclave', exporter, credentials, admit });
  const enclaveEvidence = await exchange.produce({ nonce: siteNonce, attestationSequence: 0 });
  await handshake.sendSealed(link, 'evidence', enclaveEvidence);
  const siteEvidence = await handshake.receiveSealed(link, 'evidence');
  const peer = await exchange.accept(siteEvidence, { nonce, attestationSequence: 0 });
  const seen = { enclaveEvidence: evidenceDigest(enclaveEvidence), siteEvidence: evidenceDigest(siteEvidence) };
  await handshake.receiveConfirm(link, { role: 'site', ...seen });
  await handshake.sendSealed(link, 'confirm', encodeConfirm({ role: 'enclave', ...seen }));
  const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES, reattestIntervalMs } = options;
  return new Session({ duplex, link, exchange, peer, clock, random, reattestIntervalMs, askedAtMs, maxMessageBytes });
}

function readHello(bytes: Uint8Array, contractDigest: Digest): Hello {
  const hello = unwrap(decodeHello(bytes));
  if (hello.version !== VERSION) {
    throw refused('E-CHANNEL-VERSION', 'version', { got: `${hello.version}`, want: `${VERSION}` });
  }
  if (hello.suite !== SUITE) throw refused('E-CHANNEL-VERSION', 'suite', { got: hello.suite, want: SUITE });
  if (!bytesEqual(hello.contractDigest, contractDigest)) {
    const compared = { got: toHex(hello.contractDigest), want: toHex(contractDigest) };
    throw refused('E-CHANNEL-CONTRACT', 'contract digest', compared);
  }
  return hello;
}

async function admitSite({ admit }: EnclaveSessionOptions, peer: SessionPeer): Promise<Result<null, Refusal>> {
  const { organisation, bootKey, endorsement, result } = peer;
  if (organisation === null) return err(refusal('E-MESSAGE-INVALID', 'organisation'));
  return admit({ organisation, bootKey, endorsement, result });
}
