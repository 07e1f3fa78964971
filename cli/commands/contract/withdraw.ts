import { loadConfig } from '../../../lib/config/config-file.ts';
import { signWithdrawal } from '../../../lib/contract/approval.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { instant, type OrganisationId } from '../../../lib/core/ids.ts';
import { clientOf } from '../../../lib/wire/client.ts';
import { studyMethods } from '../../../lib/wire/study-codec.ts';
import { siteConfig, withdrawalPath } from '../../../site-agent/config.ts';
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
        'Signs the withdrawal of your organisation from a contract. With the configuration of your agent it is left ' +
          'where the agent looks for it: from then on the agent sends nothing but the withdrawal, to the enclave in its ' +
          'own session, and the coordinator is told. It counts at once if it arrives before the last frame of an ' +
          'update, else from the next round.',
      )
      .argument('<file>', 'the contract')
      .requiredOption('--org-key <file>', 'organisation.key')
      .requiredOption('--as <id>', 'your organisation, as the contract names it', idValue)
      .option('--config <file>', 'site.yaml of your agent: hand the withdrawal to it, and tell its coordinator')
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
        const sent = config !== undefined && (await handOver(config, withdrawal));
        io.stdout.write(
          json
            ? `${JSON.stringify({ type: 'withdrawn', contract: toHex(sealed.digest), organisation: as, agent: config !== undefined, sent, file: out ?? null })}\n`
            : `${as} has withdrawn${config === undefined ? '' : '; its agent sends nothing more'}${sent ? ', and the coordinator has been told' : ''}${out === undefined ? '' : `: ${out}`}.\n`,
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

/** To the agent first, which needs nobody's leave; says whether the coordinator could be told as well. */
async function handOver(configPath: string, withdrawal: Uint8Array): Promise<boolean> {
  const config = await loadConfig(configPath, siteConfig);
  if (!config.ok) throw new RefusalError(...config.error);
  await writeNew(withdrawalPath(config.value), withdrawal);
  const connection = await connectToCoordinator(config.value);
  try {
    return (await clientOf(connection, studyMethods).submitWithdrawal({ withdrawal })).ok;
  } finally {
    connection.close();
  }
}
