import { expiryOf, type Expiry } from '../../../lib/attestation/collateral/expiry.ts';
import { WHAT } from '../../../lib/attestation/collateral/describe-item.ts';
import type { FolderState } from '../../../lib/attestation/collateral-folder/collateral-folder.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import type { Instant } from '../../../lib/core/ids.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { renderTable } from '../../output/table.ts';
import { dateValue } from '../option-values.ts';
import { day, iso, itemJson } from './item-text.ts';

interface Flags {
  readonly at?: Instant;
  readonly json?: true;
}

/** `consilium collateral show`: what is held, and how long it is good for. */
export const collateralShow: CommandModule = {
  register(group, io) {
    const command = group
      .command('show')
      .summary('list what a folder holds, and what expires')
      .description(
        'Every item with whom it is about, when it was issued, until when it is valid, and its number. Warns of what ' +
          'expires within seven days. Ends with 0, or with 42 if something has expired: evidence that needs it is then ' +
          'refused.',
      )
      .argument('<folder>', 'folder of collateral')
      .option('--at <time>', 'moment to judge by (default: now), as 2027-03-31T12:00:00Z', dateValue)
      .action(async (folder: string) => {
        const { at = Date.now(), json } = command.optsWithGlobals<Flags>();
        const { readFolder } = await import('../../../lib/attestation/collateral-folder/collateral-folder.ts');
        const held = readFolder(folder);
        io.stdout.write(json ? jsonOf(held, at) : textOf(held, at));
        const expired = held.state.held.filter(({ facts }) => expiryOf(facts, at) === 'expired');
        if (expired.length > 0) {
          const names = expired.map(({ facts }) => `${WHAT[facts.kind]} of ${facts.about}`).join(', ');
          throw new RefusalError(refusal('E-ATTEST-COLLATERAL', `expired: ${names}`));
        }
      });
    addExamples(command, [
      ['consilium collateral show collateral', 'What do we have?'],
      ['consilium collateral show collateral --at 2026-12-31', 'What must be renewed before the end of the year?'],
    ]);
  },
};

const NOTE: Readonly<Record<Expiry, string>> = { valid: '', 'expires soon': 'EXPIRES SOON', expired: 'EXPIRED' };

function textOf({ state: { held, marks } }: FolderState, at: number): string {
  if (held.length === 0) return 'Nothing is held: import a bundle, or fetch what evidence needs.\n';
  const table = renderTable(
    [
      { title: 'what', align: 'left' },
      { title: 'about', align: 'left' },
      { title: 'issued', align: 'left' },
      { title: 'valid until', align: 'left' },
      { title: 'number', align: 'right' },
      { title: '', align: 'left' },
    ],
    sorted(held).map(({ facts }) => [
      WHAT[facts.kind],
      facts.about,
      day(facts.issuedAt),
      day(facts.validUntil),
      facts.number?.toString() ?? null,
      NOTE[expiryOf(facts, at)],
    ]),
  );
  const newest = marks.newestSignedMs === 0 ? 'none yet' : iso(marks.newestSignedMs);
  return `${table}\nNewest time that a vendor signed: ${newest}\n`;
}

function jsonOf({ state: { held, marks } }: FolderState, at: number): string {
  const items = sorted(held).map(({ facts }) => ({ ...itemJson(facts), expiry: expiryOf(facts, at) }));
  const newestSigned = marks.newestSignedMs === 0 ? null : iso(marks.newestSignedMs);
  return `${JSON.stringify({ type: 'collateral', at: iso(at), newestSigned, items })}\n`;
}

/** What expires first stands first. */
const sorted = (held: FolderState['state']['held']): FolderState['state']['held'] =>
  held.toSorted((a, b) => a.facts.validUntil - b.facts.validUntil || (a.facts.subject < b.facts.subject ? -1 : 1));
