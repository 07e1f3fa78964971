import { headOf, type SignedStatement, type Statement } from '../../lib/audit/statement.ts';
import type { Refusal } from '../../lib/core/errors.ts';
import type { Result } from '../../lib/core/result.ts';
import type { SiteEvent } from '../../site-agent/event.ts';
import { signWithdrawal } from '../../lib/contract/approval.ts';
import type { MemorySite } from '../support/study-in-memory.ts';
import { MemoryStudy, must } from '../support/study-in-memory.ts';
import { organisationSigner, START, testContract } from '../support/test-contract.ts';
import { linkedStatement } from '../unit/deciders/linked-statement.ts';

/** What a site did with a message: the refusal, or its events with why it stays out. */
export function told(result: Result<readonly SiteEvent[], Refusal>): string {
  if (!result.ok) return `refused ${result.error.code}: ${result.error.detail}`;
  const answers = result.value.filter(({ type }) => type !== 'statement-seen');
  return answers
    .map((e) => (e.type === 'declined' ? `declined ${e.refusal.code}: ${e.refusal.detail}` : e.type))
    .join(', ');
}

/** A study kept as it stands before each statement of its second round. */
export interface SecondRound {
  readonly beforeManifest: MemoryStudy;
  readonly beforeCertificate: MemoryStudy;
  readonly beforeIntent: MemoryStudy;
  readonly released: MemoryStudy;
}

export function secondRound(): SecondRound {
  const study = new MemoryStudy(testContract());
  study.run(1);
  const beforeManifest = study.fork();
  study.open(2);
  const beforeCertificate = study.fork();
  study.commit();
  study.lock();
  study.upload();
  const beforeIntent = study.fork();
  study.close();
  study.acknowledge();
  study.catchUp();
  return { beforeManifest, beforeCertificate, beforeIntent, released: study };
}

/** The next statement of an enclave that lies: signed with the attested key, linked from the head, bent by `change`. */
export function lie(
  { released }: SecondRound,
  study: MemoryStudy,
  { type, change }: { readonly type: Statement['type']; readonly change: object },
): SignedStatement {
  const after = study.enclave.statements().at(-1);
  if (after === undefined) throw new Error('no statement');
  const { signer } = study.enclave.environment;
  return linkedStatement(type, { like: released.enclave.statements(), after: headOf(after), signer, change });
}

export const withdrawn = (site: MemorySite): MemorySite => {
  const copy = site.fork();
  const { sealed, organisation } = copy.environment;
  const fields = { contract: sealed.digest, organisation, at: START };
  must(copy.handle({ type: 'withdraw', withdrawal: signWithdrawal(fields, organisationSigner(organisation)) }));
  return copy;
};
