import type { Environment } from '../attestation/appraise.ts';
import { failuresOf } from '../attestation/attestation-result.ts';
import type { Claims } from '../attestation/claims.ts';
import { publicationReportData } from '../attestation/publication.ts';
import type { VerifierRegistry } from '../attestation/verifier.ts';
import type { Collateral } from '../attestation/collateral/collateral.ts';
import { readBundle } from '../attestation/collateral/bundle.ts';
import { total } from '../attestation/formats/malformed.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { ok, type Result } from '../core/result.ts';
import { instant, type Instant } from '../core/ids.ts';
import type { PassportTrust } from './passport.ts';

/** How far the clocks of platform, enclave and verifier may be apart; the same as for a cohort (PROTOCOL §2.6). */
const MAX_CLOCK_SKEW_MS = 10 * 60_000;

/**
 * Appraises an enclave's publication evidence under the contract's policy, at the time the publication states, for
 * exactly the report data that binds its boot key (PROTOCOL §7.1). That time must be the evidence's own, within ten
 * minutes, and not in the future of `now`, the verifier's clock: else whoever makes a bundle could choose at which
 * moment its certificates are looked at. Processors sign no time (Nitro does): there the enclave's word counts, and
 * the dates of the collateral bound it.
 */
export function publicationAppraiser(
  verifiers: VerifierRegistry,
  environment: Environment,
  now: () => Instant = () => instant(Date.now()),
): PassportTrust['appraise'] {
  return (publication, { contract }) => {
    const { at } = publication;
    const collateral = collateralOf(publication.collateral);
    const result = verifiers.verify(publication.evidence, {
      endorsements: collateral.ok ? collateral.value : [],
      past: true,
      policy: contract.appraisal.enclave,
      at,
      environment,
      role: 'enclave',
      reportData: publicationReportData({
        bootKey: publication.bootKey,
        contractDigest: publication.contract,
        genesisDigest: publication.genesis,
        headDigest: publication.head.digest,
      }),
    });
    return {
      refusals: [
        ...(collateral.ok ? [] : [collateral.error]),
        ...failuresOf(result),
        ...untimely({ at, claims: result.claims, now: now(), notBefore: contract.validity.notBefore }),
      ],
      measurement: result.claims?.measurement ?? null,
      simulated: result.simulated,
    };
  };
}

const collateralOf = (bytes: Uint8Array): Result<Collateral, Refusal> =>
  bytes.length === 0 ? ok([]) : total('collateral of the publication', () => readBundle(bytes));

interface Times {
  readonly at: Instant;
  readonly claims: Claims | null;
  readonly now: Instant;
  /** Start of the contract: nobody can move evidence to before it, when a machine may still have been in good standing. */
  readonly notBefore: Instant;
}

function untimely({ at, claims, now, notBefore }: Times): Refusal[] {
  const refused: Refusal[] = [];
  const issuedAt = claims === null ? Infinity : (claims.issuedAt ?? at);
  if (Math.abs(issuedAt - at) > MAX_CLOCK_SKEW_MS) {
    const got = claims === null ? 'no authentic evidence' : `evidence issued at ${issuedAt}`;
    refused.push(
      refusal('E-ATTEST-EXPIRED', 'publication time', { got, want: `within ${MAX_CLOCK_SKEW_MS} ms of ${at}` }),
    );
  }
  if (at < notBefore - MAX_CLOCK_SKEW_MS) {
    const want = `at most ${MAX_CLOCK_SKEW_MS} ms before ${notBefore}`;
    refused.push(refusal('E-ATTEST-EXPIRED', 'publication before the contract', { got: `${at}`, want }));
  }
  if (at > now + MAX_CLOCK_SKEW_MS) {
    const want = `at most ${MAX_CLOCK_SKEW_MS} ms after ${now}`;
    refused.push(refusal('E-ATTEST-EXPIRED', 'publication in the future', { got: `${at}`, want }));
  }
  return refused;
}
