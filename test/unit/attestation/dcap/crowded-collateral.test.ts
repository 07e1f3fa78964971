import { expect, test } from 'vitest';
import type { CollateralItem } from '../../../../lib/attestation/collateral/collateral.ts';
import { verifyEvidence } from '../../../../lib/attestation/verify-evidence.ts';
import { intelAuthority, intelCollateral, tcbInfo, tdxQuote } from '../../../authorities/intel-authority.ts';
import { certify, type SigningParty } from '../../../authorities/x509-authority.ts';

const intel = intelAuthority();
const at = intel.at.getTime();
const CROWD = 40;
/** A shared machine takes a tenth of a second; without bounds it took ten seconds, and hours for four times as many. */
const SECONDS_AT_MOST = 4;

/** Names as Intel's, none of them an issuer of another: every pair is a signature to try, for each answer again. */
function crowd(): CollateralItem[] {
  const dates = { notBefore: new Date(at - 1e9), notAfter: new Date(at + 1e9), algorithm: 'p256-sha256' } as const;
  const authority = { pathLength: null };
  const top = certify({ name: 'Nobody', issuer: null, authority, ...dates });
  const namesake = (): SigningParty => certify({ name: 'Intel SGX Root CB', issuer: top, authority, ...dates });
  const absent = namesake();
  const issuers = Array.from({ length: CROWD }, namesake);
  const signers = Array.from({ length: CROWD }, () =>
    certify({ name: 'Intel SGX TCB Signing', issuer: absent, ...dates }),
  );
  const answers = Array.from({ length: CROWD / 2 }, (_, number) => {
    const signer = signers[0] ?? absent;
    const overrides = { tcbEvaluationDataNumber: 1000 + number };
    return tcbInfo(intel, { tee: 'tdx', levels: [], modules: {}, overrides, signer });
  });
  return [
    ...answers,
    ...[...issuers, ...signers].map(({ certificate: der }): CollateralItem => ({ kind: 'certificate', der })),
  ];
}

test("a crowd of namesakes beside the verifier's own collateral neither displaces it nor holds the verifier", () => {
  const own = intelCollateral(intel, 'tdx');
  const given = { format: 'tdx', bytes: tdxQuote(intel), at, roots: intel.roots, policy: null } as const;
  const started = performance.now();
  const { outcome, claims } = verifyEvidence({ ...given, collateral: [...own, ...crowd()] });
  expect((performance.now() - started) / 1000).toBeLessThan(SECONDS_AT_MOST);
  expect(outcome).toBe('not-appraised');
  expect(claims).toEqual(verifyEvidence({ ...given, collateral: own }).claims);
});
