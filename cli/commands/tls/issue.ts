import { Option } from 'commander';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { instant, type OrganisationId } from '../../../lib/core/ids.ts';
import { ROLES, type Role } from '../../../lib/wire/peer-identity.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { readAuthority } from '../../setup/authority-files.ts';
import { issueTls } from '../../setup/tls.ts';
import { idValue, wholeNumber } from '../option-values.ts';
import { BACKDATED_MS, MAX_TRIAL_DAYS } from './ca.ts';

const DEFAULT_DAYS = 30;

interface Flags {
  readonly ca: string;
  readonly role: Role;
  readonly id: OrganisationId;
  readonly address: readonly string[];
  readonly days: number;
  readonly out: string;
  readonly json?: true;
}

/** `consilium tls issue`: one program's certificate. */
export const tlsIssue: CommandModule = {
  register(group, io) {
    const command = group
      .command('issue')
      .summary('issue the certificate of one program')
      .description(
        'Issues the certificate of one program or person: tls.crt, tls.key for its owner only, and ca.crt. The role ' +
          'decides what it may call; for a site the id is its organisation.',
      )
      .requiredOption('--ca <folder>', 'the authority, as `consilium tls ca` made it')
      .addOption(new Option('--role <role>', 'whose certificate').choices(ROLES).makeOptionMandatory())
      .requiredOption('--id <id>', 'name: an organisation, or a name of the same form', idValue)
      .option('--address <name...>', 'names and IP addresses at which it is dialled', ['localhost', '127.0.0.1'])
      .option('--days <n>', 'validity', wholeNumber(MAX_TRIAL_DAYS), DEFAULT_DAYS)
      .requiredOption('--out <folder>', 'where the three files go; none is overwritten')
      .action(async () => {
        const { ca, role, id, address: addresses, days, out, json } = command.optsWithGlobals<Flags>();
        const authority = await readAuthority(ca);
        const at = instant(Date.now() - BACKDATED_MS);
        const files = await issueTls(authority, out, { role, id, addresses, at, days }).catch(badAddress);
        io.stdout.write(
          json
            ? `${JSON.stringify({ type: 'certificate', trialOnly: true, role, id, files })}\n`
            : `For trials only: ${role} ${id}, ${files.certificate}, and the secret ${files.privateKey}.\n`,
        );
      });
    addExamples(command, [
      [
        'consilium tls issue --ca ca --role coordinator --id coordinator --out coordinator',
        'A server on this machine:',
      ],
      ['consilium tls issue --ca ca --role site --id st-anne --out st-anne', "A hospital's agent:"],
    ]);
  },
};

/** What is neither a DNS name nor an IP address is refused by the certificate itself. */
function badAddress(fault: unknown): never {
  if (fault instanceof RangeError) throw new RefusalError(refusal('E-USAGE', `--address: ${fault.message}`));
  throw fault;
}
