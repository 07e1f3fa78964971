import { addExamples, type CommandModule } from '../../command-module.ts';
import type { AcceptedBackup } from '../../setup/accept-backup.ts';

/** `consilium site accept-backup`: somebody at the hospital answers for an old copy of the agent's store. */
export const siteAcceptBackup: CommandModule = {
  register(group, io) {
    const command = group
      .command('accept-backup')
      .summary('go on with a store that was put back or replaced')
      .description(
        'An agent that finds its store older than the study stays out with E-SITE-BEHIND until somebody at the ' +
          'hospital accepts it here. Do so only if you know why: a backup was put back, or the disk was replaced. If ' +
          'nobody did that, somebody else uses the key of your hospital: do not accept, and inform the security officer. ' +
          'The data file should be what it was: from other data the agent would make another update of a model that ' +
          'it may have answered already. Works while the agent runs, and while it is stopped.',
      )
      .action(async () => {
        const { config, json } = command.optsWithGlobals<{ config: string; json?: true }>();
        const { acceptBackup } = await import('../../setup/accept-backup.ts');
        const outcome = await acceptBackup(config);
        const { since, ...fields } = outcome;
        io.stdout.write(
          json
            ? `${JSON.stringify({ type: 'backup-accepted', accepted: since !== null, since, ...fields })}\n`
            : `${inWords(outcome)}\n`,
        );
      });
    addExamples(command, [['consilium site accept-backup --config site.yaml', 'After a backup was put back:']]);
  },
};

function inWords({ organisation, since, recoveredDebits }: AcceptedBackup): string {
  if (since === null) {
    return (
      `Nothing to accept: nothing has shown the store of ${organisation} to be behind the study.\n` +
      'After a backup was put back, start the agent first: it finds out by itself, and says E-SITE-BEHIND.'
    );
  }
  const debits = recoveredDebits === 1 ? '1 update that was' : `${recoveredDebits} updates that were`;
  return (
    `Accepted: the store of ${organisation} is older than statement ${since} of the study.\n` +
    `It has taken note of ${debits} sent since. The agent takes part again with the next attempt.`
  );
}
