import type { PassportBundle } from '../lib/audit/passport-bundle.ts';
import type { SealedContract } from '../lib/contract/study-contract.ts';
import type { EnclaveLedger } from './state.ts';

/**
 * The bundle of the newest release, with the evidence of every boot that signed in it (PROTOCOL §7.7); null before the
 * first. Its approvals are those that the certificate rests on: one that expired since, of a hospital that did not
 * take part, proves nothing and would fail the check.
 */
export function passportBundleOf(sealed: SealedContract, ledger: EnclaveLedger): PassportBundle | null {
  const { genesis } = ledger;
  if (ledger.latest === null) return null;
  const { manifest, certificate, intent, release, acknowledgements } = ledger.latest;
  const signers = [genesis, manifest, certificate, intent, release].map(({ statement }) => statement.bootKey.join());
  return {
    format: 'consilium/passport-bundle/v1',
    contract: sealed.bytes,
    approvals: certificate.statement.members.map(({ approval }) => approval),
    publications: ledger.publications.filter(({ bootKey }) => signers.includes(bootKey.join())),
    genesis: genesis.bytes,
    manifest: manifest.bytes,
    certificate: certificate.bytes,
    intent: intent.bytes,
    release: release.bytes,
    acknowledgements: [...acknowledgements],
  };
}
