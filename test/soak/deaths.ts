import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProgressEvent } from '../../cli/output/progress-event.ts';

/** Deaths of parties that nobody asked for: as many as were seen beyond those that were killed on purpose. */
export function uninvitedDeaths(events: readonly ProgressEvent[]): string[] {
  const due = new Map<string, number>();
  return events.flatMap((event) => {
    if (event.type === 'fault' && event.state === 'struck') {
      const [, party] = /^kill ([^@]+)@/.exec(event.asked) ?? [];
      if (party !== undefined) due.set(party, (due.get(party) ?? 0) + 1);
    }
    if (event.type !== 'process' || (event.state !== 'died' && event.state !== 'stopped')) return [];
    const left = due.get(event.name) ?? 0;
    if (left > 0 && event.detail === 'SIGKILL') {
      due.set(event.name, left - 1);
      return [];
    }
    return [`${event.name} ${event.state} (${event.detail ?? ''})`];
  });
}

/** What programs and chips complain of in `logs`: deaths below a chip, and errors, which are faults of a program. */
export function complaints(logs: string): string[] {
  return readdirSync(logs).flatMap((name) =>
    readFileSync(join(logs, name), 'utf8')
      .split('\n')
      .filter((line) => /"event":"(?:died|gave-up|start-failed)"|"level":"(?:error|fatal)"/.test(line))
      .map((line) => `${name}: ${line.slice(0, 300)}`),
  );
}
