import { verifySignature } from '../../core/ed25519.ts';
import type { Instant, PublicKey } from '../../core/ids.ts';
import type { Check } from '../attestation-result.ts';
import type { Claims } from '../claims.ts';
import type { SimulatedEvidence } from './simulated-evidence.ts';

/** Public roots of the simulated chips of this run, given explicitly, never taken from evidence or a bundle. */
export interface SimulatedAnchors {
  readonly roots: readonly PublicKey[];
}

export interface Authenticated {
  /** Null unless every check passed. */
  readonly claims: Claims | null;
  readonly checks: readonly Check[];
}

/** authenticate: structure × pinned roots × time → claims. No root at all is a failure with that name. */
export function authenticateSimulated(
  { signed, certificate, quote }: SimulatedEvidence,
  anchors: SimulatedAnchors,
  at: Instant,
): Authenticated {
  const rooted = anchors.roots.some((root) =>
    verifySignature({
      publicKey: root,
      signature: signed.certificateSignature,
      domain: 'chip-certificate',
      fields: [signed.certificate],
    }),
  );
  const quoted = verifySignature({
    publicKey: certificate.chipKey,
    signature: signed.quoteSignature,
    domain: 'quote',
    fields: [signed.quote],
  });
  const window = `${certificate.notBefore} to ${certificate.notAfter}`;
  const within = (time: number): boolean => certificate.notBefore <= time && time <= certificate.notAfter;
  const checks: Check[] = [
    {
      name: 'root',
      code: 'E-ATTEST-SIGNATURE',
      passed: rooted,
      got: rooted ? 'a pinned root' : anchors.roots.length === 0 ? 'no root was given' : 'another root',
      want: 'a pinned root',
    },
    {
      name: 'chip signature',
      code: 'E-ATTEST-SIGNATURE',
      passed: quoted,
      got: quoted ? 'valid' : 'invalid',
      want: 'valid',
    },
    { name: 'certificate validity', code: 'E-ATTEST-EXPIRED', passed: within(at), got: `${at}`, want: window },
    {
      name: 'time of issue',
      code: 'E-ATTEST-EXPIRED',
      passed: within(quote.issuedAt),
      got: `${quote.issuedAt}`,
      want: window,
    },
  ];
  if (checks.some(({ passed }) => !passed)) return { claims: null, checks };
  const { measurement, debug, svn, role, reportData, issuedAt } = quote;
  const { instance } = certificate;
  return {
    claims: { platform: 'simulated', simulated: true, measurement, instance, debug, svn, role, reportData, issuedAt },
    checks,
  };
}
