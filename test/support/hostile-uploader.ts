import { NOTHING_SEEN } from '../../lib/audit/chain.ts';
import { signCommit } from '../../lib/audit/commit.ts';
import type { SiteMessage, UpdateHeader } from '../../lib/audit/session-message.ts';
import { headOf, openStatement, type SignedStatement, type Statement } from '../../lib/audit/statement.ts';
import { signEndorsement } from '../../lib/contract/endorsement.ts';
import { instant, type OrganisationId } from '../../lib/core/ids.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { SALT_BYTES, updateCommitment } from '../../lib/learning/update-codec.ts';
import { HostileSite } from './hostile-site.ts';
import { until } from './round-in-process.ts';
import { must } from './study-in-memory.ts';
import type { StudyInProcess } from './study-in-process.ts';
import { DAY_MS, organisationSigner, START } from './test-contract.ts';

type StatementOf<T extends Statement['type']> = SignedStatement<Extract<Statement, { type: T }>>;

/** A member of the study that takes part by hand and sends whatever it likes as an update. */
export class HostileUploader {
  readonly site: HostileSite;
  readonly organisation: OrganisationId;
  readonly #study: StudyInProcess;
  #asked = 0;

  private constructor(study: StudyInProcess, organisation: OrganisationId, site: HostileSite) {
    this.#study = study;
    this.organisation = organisation;
    this.site = site;
    void site.listen();
  }

  static async join(study: StudyInProcess, organisation: OrganisationId): Promise<HostileUploader> {
    const site = await HostileSite.join(study, organisation, NOTHING_SEEN);
    const uploader = new HostileUploader(study, organisation, site);
    await site.say({ type: 'sync', head: null, round: 0 });
    return uploader;
  }

  /** What the enclave answers: `received`, or the code and detail of its refusal; `ended`, when it left instead. */
  async ask(message: Exclude<SiteMessage, { type: 'sync' | 'head-proof' }>): Promise<string> {
    const index = this.#asked;
    this.#asked += 1;
    await this.site.say(message).catch(() => undefined);
    const answers = () =>
      this.site.heard.flatMap((heard) => (heard.type === 'received' || heard.type === 'refused' ? [heard] : []));
    await until(() => answers().length > index || this.site.ended !== undefined);
    const answer = answers()[index];
    if (answer === undefined) return 'ended';
    return answer.type === 'received' ? 'received' : `${answer.code}: ${answer.detail}`;
  }

  /** The newest statement of `type`, once it is one of `round` and `attempt`. */
  async statement<T extends 'manifest' | 'certificate' | 'intent'>(
    type: T,
    { round, attempt }: { readonly round: number; readonly attempt: number },
  ): Promise<StatementOf<T>> {
    const found = (): SignedStatement | undefined =>
      this.site.heard
        .flatMap((heard) => (heard.type === 'statement' ? [must(openStatement(heard.statement))] : []))
        .findLast(
          ({ statement }) => statement.type === type && statement.round === round && statement.attempt === attempt,
        );
    await until(() => found() !== undefined);
    return found() as StatementOf<T>;
  }

  /** An honest commit to that attempt, as `organisation` if it says so. */
  async commitMessage(
    place: { readonly round: number; readonly attempt: number },
    organisation = this.organisation,
  ): Promise<Extract<SiteMessage, { type: 'commit' }>> {
    const { sealed } = this.#study;
    const manifest = await this.statement('manifest', place);
    const fields = {
      contract: sealed.digest,
      manifest: manifest.digest,
      organisation,
      head: headOf(manifest),
      minimum: sealed.contract.kMin,
      requireCoParticipants: [],
      at: START,
      collateral: { crlNumber: 0, tcbEvaluation: 0 },
    };
    return { type: 'commit', commit: signCommit(fields, this.site.signer), endorsement: this.endorsement() };
  }

  endorsement(): Uint8Array {
    const { sealed } = this.#study;
    const fields = {
      organisation: this.organisation,
      bootKey: this.site.signer.publicKey,
      contract: sealed.digest,
      issued: START,
      expires: instant(START + DAY_MS),
    };
    return signEndorsement(fields, organisationSigner(this.organisation));
  }

  /** The header that announces `payload` under `certificate`, bent by `change`. */
  headerOf(
    certificate: SignedStatement,
    payload: Uint8Array,
    change: Partial<UpdateHeader> = {},
  ): SiteMessage & {
    readonly type: 'update-header';
  } {
    const header: UpdateHeader = {
      certificate: certificate.digest,
      layout: layoutOf(this.#study.sealed.contract.model.spec).digest,
      length: payload.length,
      commit: updateCommitment(payload.subarray(0, SALT_BYTES), payload.subarray(SALT_BYTES)),
      ...change,
    };
    return { type: 'update-header', header };
  }
}
