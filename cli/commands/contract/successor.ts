import { readNamedFile } from '../../../lib/config/named-file.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { instant, type Digest } from '../../../lib/core/ids.ts';
import { addExamples, type CliIo, type CommandModule } from '../../command-module.ts';
import { readConfirmedKeys } from '../../setup/confirmed-keys.ts';
import { readContract } from '../../setup/contract-file.ts';
import { draftSuccessorContract, verifiedRelease } from '../../setup/draft-successor.ts';
import { readOrganisations } from '../../setup/organisation.ts';
import { readRoots } from '../../setup/roots-file.ts';
import { refuseExisting, writeNew } from '../../setup/write-file.ts';
import { measurements, wholeNumber, wholeNumberFrom } from '../option-values.ts';

const MAX_ROUNDS = 100_000;
const MAX_ORGANISATIONS = 1000;
const MAX_DAYS = 3650;
const MAX_SEED = 0xffff_ffff;
const DAY_MS = 86_400_000;

interface Flags {
  readonly previous: string;
  readonly passport: string;
  readonly roots: string;
  readonly orgKeys?: readonly string[];
  readonly org?: readonly string[];
  readonly rounds?: number;
  readonly kMin?: number;
  readonly validityDays?: number;
  readonly beginAnew?: number;
  readonly enclaveMeasurement?: readonly Digest[];
  readonly siteMeasurement?: readonly Digest[];
  readonly enclaveInstance?: readonly string[];
  readonly siteInstance?: readonly string[];
  readonly out: string;
  readonly json?: true;
}

/** `consilium contract successor`: the contract that goes on from the last released model of another. */
export const contractSuccessor: CommandModule = {
  register(group, io) {
    const command = group
      .command('successor')
      .summary('write the contract that goes on where another ended')
      .description(
        'Writes the successor of a contract from its newest passport: after an enclave that lost its state or halted, ' +
          'for new code, other hospitals or more rounds. The passport is verified first. Terms stay as they were unless ' +
          'an option replaces them; the programs are those of this source. Every hospital must approve it: approvals of ' +
          'the contract before do not count. A hospital refuses a successor of any but the newest release it knows.',
      )
      .requiredOption('--previous <file>', 'the contract that ended')
      .requiredOption('--passport <file>', 'passport bundle of its newest release, such as round-0020.passport.cbor')
      .requiredOption('--roots <file>', 'roots.json: roots of the platforms that you believe')
      .option('--org-keys <file...>', 'keys you have confirmed (default: those that the contract before names)')
      .option('--org <file...>', "each organisation's organisation.json (default: the same hospitals)")
      .option('--rounds <n>', 'rounds to run (default: those that were left)', wholeNumber(MAX_ROUNDS))
      .option('--k-min <n>', 'fewest hospitals in a round (default: as before)', wholeNumber(MAX_ORGANISATIONS))
      .option(
        '--validity-days <n>',
        'valid for so many days from now (default: as long as before)',
        wholeNumber(MAX_DAYS),
      )
      .option(
        '--begin-anew <seed>',
        'begin with fresh random weights of this public seed instead of the released model',
        wholeNumberFrom(0, MAX_SEED),
      )
      .option('--enclave-measurement <hex...>', 'accepted enclave programs (default: this source)', measurements)
      .option('--site-measurement <hex...>', "accepted hospitals' agents (default: this source)", measurements)
      .option('--enclave-instance <id...>', 'accepted machines of the enclave (default: as before)')
      .option('--site-instance <id...>', 'accepted machines of the hospitals (default: as before)')
      .requiredOption('--out <file>', 'where the contract goes; not overwritten')
      .action(async () => {
        await run(command.optsWithGlobals<Flags>(), io);
      });
    addExamples(command, [
      [
        'consilium contract successor --previous contract.cbor --passport received/round-0012.passport.cbor --roots roots.json --out contract-2.cbor',
        'The same hospitals, for the rounds that were left:',
      ],
      [
        'consilium contract successor --previous contract.cbor --passport passport.cbor --roots roots.json --org a.json b.json d.json --rounds 5 --out contract-2.cbor',
        'Other hospitals, five more rounds:',
      ],
    ]);
  },
};

async function run(flags: Flags, io: CliIo): Promise<void> {
  refuseExisting(flags.out);
  const previous = await readContract(flags.previous);
  const release = verifiedRelease({
    previous,
    bundle: await readNamedFile(flags.passport),
    organisations: flags.orgKeys === undefined ? null : await readConfirmedKeys(flags.orgKeys),
    simulatedRoots: await readRoots(flags.roots),
  });
  const { rounds, kMin, validityDays, beginAnew } = flags;
  const { enclaveMeasurement, siteMeasurement, enclaveInstance, siteInstance } = flags;
  const sealed = draftSuccessorContract({
    previous,
    release,
    at: instant(Date.now()),
    measurements: given({ enclave: enclaveMeasurement, site: siteMeasurement }),
    instances: given({ enclave: enclaveInstance, site: siteInstance }),
    ...given({
      organisations: flags.org === undefined ? undefined : (await Promise.all(flags.org.map(readOrganisations))).flat(),
      rounds,
      kMin,
      validityMs: validityDays === undefined ? undefined : validityDays * DAY_MS,
      beginAnewFrom: beginAnew,
    }),
  });
  await writeNew(flags.out, sealed.bytes);
  const drafted = {
    contract: toHex(sealed.digest),
    file: flags.out,
    succeeds: toHex(previous.digest),
    afterRound: release.round,
    model: toHex(sealed.contract.model.initialDigest),
    beginsAnew: beginAnew !== undefined,
    rounds: sealed.contract.rounds,
  };
  const simulated = sealed.contract.environment === 'simulation';
  io.stdout.write(
    flags.json
      ? `${JSON.stringify({ type: 'drafted', ...drafted })}\n`
      : text(drafted, flags) + (simulated ? '\nSIMULATION: attestation under this contract protects nothing.\n' : ''),
  );
}

interface Drafted {
  readonly contract: string;
  readonly file: string;
  readonly succeeds: string;
  readonly afterRound: number;
  readonly model: string;
  readonly beginsAnew: boolean;
  readonly rounds: number;
}

function text(
  { contract, file, succeeds, afterRound, model, beginsAnew, rounds }: Drafted,
  { passport }: Flags,
): string {
  return [
    `Contract ${contract}`,
    `written to ${file}. The passport is verified; the study goes on after round ${afterRound} of contract`,
    `${succeeds},`,
    beginsAnew ? `begins anew with model ${model},` : `from its model ${model},`,
    `for ${rounds} more ${rounds === 1 ? 'round' : 'rounds'}. Every hospital reads and approves it again:`,
    '',
    `    consilium contract show ${file}`,
    '',
    `The coordinator needs the passport too: \`predecessor: ${passport}\` in its configuration.`,
    '',
  ].join('\n');
}

/** Without what was not asked for. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
