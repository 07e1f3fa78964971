import { loadConfig } from '../../../lib/config/config-file.ts';
import { signWithdrawal } from '../../../lib/contract/approval.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { instant, type OrganisationId } from '../../../lib/core/ids.ts';
import { clientOf } from '../../../lib/wire/client.ts';
import { studyMethods } from '../../../lib/wire/study-codec.ts';
import { siteConfig } from '../../../site-agent/config.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { partyOf, readContract } from '../../setup/contract-file.ts';
import { connectToCoordinator } from '../../setup/coordinator-connection.ts';
import { readOrganisationKey, requireOwnKey } from '../../setup/organisation.ts';
import { refuseExisting, writeNew } from '../../setup/write-file.ts';
import { idValue } from '../option-values.ts';

interface Flags {
  readonly orgKey: string;
  readonly as: OrganisationId;
  readonly out?: string;
  readonly config?: string;
  readonly json?: true;
}

/** `consilium contract withdraw`: a hospital leaves a study. */
export const contractWithdraw: CommandModule = {
  register(group, io) {
    const command = group
      .command('withdraw')
      .summary('leave a study that you approved')
      .description(
        'Signs the withdrawal of your organisation from a contract, and sends it to the coordinator when you name the ' +
          'configuration of your agent. It counts at once if it arrives before the last frame of an update, else from ' +
          'the next round. To be certain, stop your agent: nothing is sent without it.',
      )
      .argument('<file>', 'the contract')
      .requiredOption('--org-key <file>', 'organisation.key')
      .requiredOption('--as <id>', 'your organisation, as the contract names it', idValue)
      .option('--config <file>', 'site.yaml of your agent: send the withdrawal to its coordinator')
      .option('--out <file>', 'write the withdrawal to a file; not overwritten')
      .action(async (file: string) => {
        const { orgKey, as, out, config, json } = command.optsWithGlobals<Flags>();
        if (out === undefined && config === undefined)
          throw new RefusalError(refusal('E-USAGE', 'give --config to send the withdrawal, or --out to write it'));
        if (out !== undefined) refuseExisting(out);
        const sealed = await readContract(file);
        const signer = await readOrganisationKey(orgKey);
        requireOwnKey(partyOf(sealed, as), signer);
        const withdrawal = signWithdrawal(
          { contract: sealed.digest, organisation: as, at: instant(Date.now()) },
          signer,
        );
        if (out !== undefined) await writeNew(out, withdrawal);
        if (config !== undefined) await send(config, withdrawal);
        const sent = config !== undefined;
        io.stdout.write(
          json
            ? `${JSON.stringify({ type: 'withdrawn', contract: toHex(sealed.digest), organisation: as, sent, file: out ?? null })}\n`
            : `${as} has withdrawn${sent ? '; the coordinator has it' : ''}${out === undefined ? '' : `: ${out}`}.\n`,
        );
      });
    addExamples(command, [
      [
        'consilium contract withdraw contract.cbor --org-key organisation.key --as st-anne --config site.yaml',
        'Leave, and tell the coordinator:',
      ],
    ]);
  },
};

async function send(configPath: string, withdrawal: Uint8Array): Promise<void> {
  const config = await loadConfig(configPath, siteConfig);
  if (!config.ok) throw new RefusalError(...config.error);
  const connection = await connectToCoordinator(config.value);
  try {
    const submitted = await clientOf(connection, studyMethods).submitWithdrawal({ withdrawal });
    if (!submitted.ok) throw new RefusalError(submitted.error);
  } finally {
    connection.close();
  }
}
