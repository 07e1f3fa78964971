import { instant } from '../../../lib/core/ids.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { writeAuthority } from '../../setup/authority-files.ts';
import { wholeNumber } from '../option-values.ts';

/** For a trial: longer ones want an authority of their own. */
export const MAX_TRIAL_DAYS = 365;
const DEFAULT_DAYS = 30;
/** Clocks of a trial's machines may differ by this much. */
export const BACKDATED_MS = 60_000;

interface Flags {
  readonly days: number;
  readonly out: string;
  readonly json?: true;
}

/** `consilium tls ca`: a certificate authority for one trial. */
export const tlsCa: CommandModule = {
  register(group, io) {
    const command = group
      .command('ca')
      .summary('make a certificate authority')
      .description('Makes a certificate authority for one trial: ca.crt for everybody, ca.key for its owner only.')
      .option('--days <n>', 'validity', wholeNumber(MAX_TRIAL_DAYS), DEFAULT_DAYS)
      .requiredOption('--out <folder>', 'where both files go; none is overwritten')
      .action(async () => {
        const { days, out, json } = command.optsWithGlobals<Flags>();
        const files = await writeAuthority(out, { at: instant(Date.now() - BACKDATED_MS), days });
        io.stdout.write(
          json
            ? `${JSON.stringify({ type: 'authority', trialOnly: true, files })}\n`
            : `For trials only: ${files.certificate}, and the secret ${files.privateKey}; valid for ${days} days.\n`,
        );
      });
    addExamples(command, [['consilium tls ca --out ca', 'Once per trial:']]);
  },
};
