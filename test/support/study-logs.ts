import { openStatement, type SignedStatement } from '../../lib/audit/statement.ts';
import { decodeSiteEvent } from '../../site-agent/event-codec.ts';
import type { SiteEvent } from '../../site-agent/event.ts';
import { siteStream } from '../../site-agent/replay-site.ts';
import { must } from './study-in-memory.ts';
import type { SiteInProcess, StudyInProcess } from './study-in-process.ts';

/** Everything that the agents of this hospital stored, oldest first. */
export function storedBy({ sealed }: StudyInProcess, site: SiteInProcess): SiteEvent[] {
  return (site.disk.streams.get(siteStream(sealed.digest)) ?? []).map((bytes) => must(decodeSiteEvent(bytes)));
}

/** The enclave's statements as this hospital saw them, from genesis on. */
export const seenBy = (study: StudyInProcess, site: SiteInProcess): SignedStatement[] =>
  storedBy(study, site).flatMap((event) => (event.type === 'statement-seen' ? [event.statement] : []));

/** The enclave's own statements, from genesis on. */
export async function statedBy({ enclave }: StudyInProcess): Promise<SignedStatement[]> {
  const statements: SignedStatement[] = [];
  for (;;) {
    const page = await enclave.statementsFrom(statements.length);
    if (page.length === 0) return statements;
    statements.push(...page.map((bytes) => must(openStatement(bytes))));
  }
}
