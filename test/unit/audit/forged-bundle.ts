import { openAcknowledgement, signAcknowledgement } from '../../../lib/audit/acknowledgement.ts';
import { openCommit, signCommit } from '../../../lib/audit/commit.ts';
import { decodeBundle, type PassportBundle } from '../../../lib/audit/passport-bundle.ts';
import type { PassportTrust } from '../../../lib/audit/passport.ts';
import { setRoot } from '../../../lib/audit/set-root.ts';
import {
  headOf,
  openStatement,
  type Certificate,
  type Intent,
  type Manifest,
  type SignedStatement,
  type Statement,
} from '../../../lib/audit/statement.ts';
import { signDocument } from '../../../lib/contract/signed-document.ts';
import type { Signer } from '../../../lib/core/ed25519.ts';
import { START, digestOf } from '../../support/test-contract.ts';
import { must, type MemoryStudy } from '../../support/study-in-memory.ts';

type Change = object | undefined;

/** What a lying enclave, with every site's boot key in its hands as well, changes in an otherwise consistent bundle. */
export interface Bend {
  readonly genesis?: Change;
  readonly manifest?: Change;
  readonly certificate?: Change;
  readonly intent?: Change;
  readonly release?: Change;
  readonly commit?: (organisation: string) => Change;
  /** Signs this statement instead of the enclave's boot key. */
  readonly signedBy?: { readonly type: Statement['type']; readonly signer: Signer };
  readonly rest?: Partial<PassportBundle>;
}

const open = <S extends Statement>(bytes: Uint8Array): SignedStatement<S> =>
  must(openStatement(bytes)) as SignedStatement<S>;

/** The newest bundle of `study`, signed anew throughout: every reference follows, only what `bend` names is off. */
export function forgeBundle(study: MemoryStudy, bend: Bend = {}): PassportBundle {
  const bundle = must(decodeBundle(study.enclave.bundle()));
  const sign = (document: Statement, link: object, change: Change): SignedStatement => {
    const forged = bend.signedBy?.type === document.type ? bend.signedBy.signer : study.enclave.environment.signer;
    const fields = { ...document, ...link, bootKey: forged.publicKey, ...change };
    return must(openStatement(signDocument('statement', fields, forged)));
  };
  const behind = (earlier: SignedStatement): object => ({
    counter: earlier.statement.counter + 1,
    previous: earlier.digest,
  });
  const genesis = sign(open(bundle.genesis).statement, {}, bend.genesis);
  const manifest = sign(open<Manifest>(bundle.manifest).statement, {}, bend.manifest);
  const original = open<Certificate>(bundle.certificate).statement;
  const members = original.members.map((member) => {
    const { format: _format, bootKey: _bootKey, ...commit } = must(openCommit(member.commit)).document;
    const fields = {
      ...commit,
      manifest: manifest.digest,
      head: headOf(manifest),
      ...bend.commit?.(member.organisation),
    };
    return { ...member, commit: signCommit(fields, study.site(member.organisation).environment.signer) };
  });
  const certificate = sign(original, { ...behind(manifest), manifest: manifest.digest, members }, bend.certificate);
  const offered = open<Intent>(bundle.intent).statement;
  const contributions =
    bend.intent !== undefined && 'members' in bend.intent ? (bend.intent as Intent).members : offered.members;
  const links = { certificate: certificate.digest, setRoot: setRoot(contributions) };
  const intent = sign(offered, { ...behind(certificate), ...links }, bend.intent);
  const sealed = { certificate: certificate.digest, intent: intent.digest };
  const release = sign(open(bundle.release).statement, { ...behind(intent), ...sealed }, bend.release);
  const acknowledgements = bundle.acknowledgements.map(({ acknowledgement, endorsement }) => {
    const { organisation } = must(openAcknowledgement(acknowledgement)).document;
    const fields = { contract: study.sealed.digest, intent: intent.digest, organisation, at: START };
    return { acknowledgement: signAcknowledgement(fields, study.site(organisation).environment.signer), endorsement };
  });
  return {
    ...bundle,
    publications: bundle.publications.map((publication) => ({
      ...publication,
      genesis: genesis.digest,
      head: headOf(genesis),
    })),
    genesis: genesis.bytes,
    manifest: manifest.bytes,
    certificate: certificate.bytes,
    intent: intent.bytes,
    release: release.bytes,
    acknowledgements,
    ...bend.rest,
  };
}

/** A verifier that has confirmed `ids` (absent: every organisation) and accepts the evidence of this harness. */
export function trustIn({ sealed }: MemoryStudy, ids?: readonly string[]): PassportTrust {
  const { organisations } = sealed.contract;
  const confirmed = organisations.filter(({ id }) => ids === undefined || ids.includes(id));
  return {
    organisationKeys: new Map(confirmed.map(({ id, key }) => [id, key])),
    appraise: () => ({ refusals: [], measurement: digestOf('program'), simulated: true }),
  };
}
