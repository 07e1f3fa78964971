import type { FrameDuplex } from '../../lib/channel/duplex.ts';
import type { EnclaveSessionOptions } from '../../lib/channel/accept-site-session.ts';
import type { SessionPeer } from '../../lib/channel/evidence-exchange.ts';
import type { SiteSessionOptions } from '../../lib/channel/open-site-session.ts';
import type { AttestedSession } from '../../lib/channel/session.ts';
import { attestationResult } from '../../lib/attestation/attestation-result.ts';
import { decodeCbor, encodeCbor } from '../../lib/core/cbor.ts';
import { isErrorCode, refusal, RefusalError, type Refusal } from '../../lib/core/errors.ts';
import { organisationId, type PublicKey } from '../../lib/core/ids.ts';
import { err, ok, type Result } from '../../lib/core/result.ts';
import { START, digestOf } from '../support/test-contract.ts';
import { gone } from './pipe.ts';

/**
 * The attested session without its cryptography: who is there says so in one plain frame, and every message is one
 * frame. Stands in for lib/channel where its thousand handshakes would take an hour; the channel has its own tests.
 */
export function openBareSession(options: SiteSessionOptions): Promise<Result<AttestedSession, Refusal>> {
  return unlessBroken(() => open(options));
}

/** The other side, which lets in whom `admit` does. */
export function acceptBareSession(options: EnclaveSessionOptions): Promise<Result<AttestedSession, Refusal>> {
  return unlessBroken(() => accept(options));
}

async function open({ duplex, credentials, head }: SiteSessionOptions): Promise<Result<AttestedSession, Refusal>> {
  const { bootKey, organisation, endorsement } = credentials();
  await duplex.send(encodeCbor({ bootKey, organisation, endorsement, head: { ...head() } }));
  const answer = fieldsOf(await duplex.next());
  const code = answer['code'];
  if (typeof code === 'string' && isErrorCode(code)) return err(refusal(code));
  const peer = { role: 'enclave', organisation: null, ...shared(answer), endorsement: new Uint8Array() } as const;
  return ok(sessionOn(duplex, peer));
}

async function accept({
  duplex,
  admit,
  bootKey,
  head,
}: EnclaveSessionOptions): Promise<Result<AttestedSession, Refusal>> {
  const hello = fieldsOf(await duplex.next());
  const organisation = organisationId(String(hello['organisation']));
  const endorsement = hello['endorsement'] as Uint8Array;
  const { bootKey: siteKey, head: siteHead } = shared(hello);
  const admitted = await admit({ organisation, bootKey: siteKey, endorsement, result: accepted });
  await duplex.send(encodeCbor(admitted.ok ? { bootKey, head: { ...head() } } : { code: admitted.error.code }));
  if (!admitted.ok) return admitted;
  const peer = { role: 'site', organisation, ...shared({ bootKey: siteKey, head: siteHead }), endorsement } as const;
  return ok(sessionOn(duplex, peer));
}

async function unlessBroken<T>(work: () => Promise<Result<T, Refusal>>): Promise<Result<T, Refusal>> {
  try {
    return await work();
  } catch (fault) {
    if (fault instanceof RefusalError) return err(fault.refusals[0]);
    throw fault;
  }
}

const accepted = attestationResult({
  platform: 'simulated',
  simulated: true,
  checks: [{ name: 'bare', code: 'E-ATTEST-SIGNATURE', passed: true, got: '', want: '' }],
  at: START,
});

const shared = (fields: Record<string, unknown>) => ({
  bootKey: fields['bootKey'] as PublicKey,
  head: fields['head'] as SessionPeer['head'],
  result: accepted,
  evidenceDigest: digestOf('no evidence'),
});

function sessionOn(duplex: FrameDuplex, peer: SessionPeer): AttestedSession {
  return {
    sessionId: digestOf('bare session'),
    peer,
    send: (message) => duplex.send(message),
    next: () => duplex.next(),
    close: async () => {
      duplex.close();
    },
  };
}

function fieldsOf(frame: Uint8Array | null): Record<string, unknown> {
  if (frame === null) throw gone();
  const decoded = decodeCbor(frame);
  if (!decoded.ok) throw new Error('no bare frame');
  return decoded.value as Record<string, unknown>;
}
