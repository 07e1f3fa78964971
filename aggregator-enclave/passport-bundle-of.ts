import type { PassportBundle } from '../lib/audit/passport-bundle.ts';
import type { SealedContract } from '../lib/contract/study-contract.ts';
import type { EnclaveLedger } from './state.ts';

/** The bundle of the newest release, with the evidence of every boot that signed in it (PROTOCOL §7.7); null before the first. */
export function passportBundleOf(sealed: SealedContract, ledger: EnclaveLedger): PassportBundle | null {
  const [genesis] = ledger.statements;
  if (ledger.latest === null || genesis === undefined) return null;
  const { manifest, certificate, intent, release, acknowledgements } = ledger.latest;
  const signers = [genesis, manifest, certificate, intent, release].map(({ statement }) => statement.bootKey.join());
  return {
    format: 'consilium/passport-bundle/v1',
    contract: sealed.bytes,
    approvals: [...ledger.approvals.values()],
    publications: ledger.publications.filter(({ bootKey }) => signers.includes(bootKey.join())),
    genesis: genesis.bytes,
    manifest: manifest.bytes,
    certificate: certificate.bytes,
    intent: intent.bytes,
    release: release.bytes,
    acknowledgements: [...acknowledgements],
  };
}
