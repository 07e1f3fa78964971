import { signApproval } from '../../../lib/contract/approval.ts';
import { epsilonOfPlan, type PrivacyPlan } from '../../../lib/contract/privacy-plan.ts';
import type { Predecessor } from '../../../lib/contract/study-contract.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import type { Instant, OrganisationId } from '../../../lib/core/ids.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { partyOf, readContract } from '../../setup/contract-file.ts';
import { readOrganisationKey, requireOwnKey } from '../../setup/organisation.ts';
import { refuseExisting, writeNew } from '../../setup/write-file.ts';
import { dateValue, idValue, positiveNumber } from '../option-values.ts';
import { contractSummary } from './contract-summary.ts';

interface Flags {
  readonly orgKey: string;
  readonly as: OrganisationId;
  readonly expires?: Instant;
  readonly epsilonBudget?: number;
  readonly out: string;
  readonly json?: true;
}

/** `consilium contract approve`: a hospital's signature under one contract. */
export const contractApprove: CommandModule = {
  register(group, io) {
    const command = group
      .command('approve')
      .summary('sign a contract for your organisation')
      .description(
        'Shows a contract and signs it with the key of your organisation. Without this file your agent sends nothing; ' +
          'it counts for exactly this contract. Read it first with `consilium contract show`.',
      )
      .argument('<file>', 'the contract')
      .requiredOption('--org-key <file>', 'organisation.key')
      .requiredOption('--as <id>', 'your organisation, as the contract names it', idValue)
      .option('--expires <date>', 'when the approval ends, in UTC (default: with the contract)', dateValue)
      .option(
        '--epsilon-budget <number>',
        'ε that you allow this contract for each record; below that of the contract your agent stops earlier ' +
          '(default: that of the contract)',
        positiveNumber,
      )
      .requiredOption('--out <file>', 'where the approval goes; not overwritten')
      .action(async (file: string) => {
        const { orgKey, as, expires: asked, epsilonBudget: allowed, out, json } = command.optsWithGlobals<Flags>();
        refuseExisting(out);
        const sealed = await readContract(file);
        const signer = await readOrganisationKey(orgKey);
        requireOwnKey(partyOf(sealed, as), signer);
        const expires = expiryOf(asked, sealed.contract.validity.notAfter);
        const epsilonBudget = budgetOf(allowed, sealed.contract.privacy);
        if (!json) {
          const { columns } = io.stdout.size();
          io.stdout.write(`${contractSummary(sealed, { columns, confirmed: null })}\n\n`);
        }
        const approval = signApproval({ contract: sealed.digest, organisation: as, epsilonBudget, expires }, signer);
        await writeNew(out, approval);
        const until = new Date(expires).toISOString();
        const { predecessor } = sealed.contract;
        const succeeds = predecessor === null ? null : toHex(predecessor.contract);
        const approved = {
          type: 'approved',
          contract: toHex(sealed.digest),
          organisation: as,
          epsilonBudget,
          expires: until,
          file: out,
        };
        io.stdout.write(
          json
            ? `${JSON.stringify({ ...approved, succeeds, afterRound: predecessor?.round ?? null })}\n`
            : `Approved by ${as} until ${until}: ${out}\n${budgetNote(epsilonBudget, sealed.contract.privacy)}${predecessor === null ? '' : successorNote(predecessor)}`,
        );
      });
    addExamples(command, [
      [
        'consilium contract approve contract.cbor --org-key organisation.key --as st-anne --out approval.cbor',
        'Until the contract ends:',
      ],
      [
        'consilium contract approve contract.cbor --org-key organisation.key --as st-anne --expires 2027-03-31 --out approval.cbor',
        'Not beyond a date:',
      ],
      [
        'consilium contract approve contract.cbor --org-key organisation.key --as st-anne --epsilon-budget 0.5 --out approval.cbor',
        'With less privacy spent than the contract would:',
      ],
    ]);
  },
};

const successorNote = ({ contract, round }: Predecessor): string =>
  `This approves a successor of contract ${toHex(contract)} after its round ${round}; an approval of that contract ` +
  'does not count here.\n';

/** What the contract adds no noise for has no ε. Throws RefusalError E-USAGE for one. */
function budgetOf(asked: number | undefined, plan: PrivacyPlan): number | null {
  const planned = epsilonOfPlan(plan);
  if (planned === null && asked !== undefined)
    throw new RefusalError(
      refusal('E-USAGE', '--epsilon-budget: the contract adds no noise, so that nothing bounds ε'),
    );
  return asked ?? planned;
}

function budgetNote(budget: number | null, plan: PrivacyPlan): string {
  if (budget === null || plan.placement === 'none') return '';
  const earlier = budget < plan.epsilon ? ' Your agent stops before the round that would exceed it.' : '';
  return (
    `It may spend ε ${budget} at δ ${plan.delta} on each record of yours, of ${plan.epsilon} that the contract spends ` +
    `at most.${earlier}\n`
  );
}

function expiryOf(asked: Instant | undefined, notAfter: Instant): Instant {
  if (notAfter <= Date.now()) throw new RefusalError(refusal('E-CONTRACT-EXPIRED'));
  if (asked === undefined) return notAfter;
  if (asked <= Date.now()) throw new RefusalError(refusal('E-USAGE', '--expires: lies in the past'));
  return asked < notAfter ? asked : notAfter;
}
