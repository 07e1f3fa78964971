import { Option } from 'commander';
import type { NoisePlan } from '../../../lib/contract/privacy-plan.ts';
import { studyContract, type StudyContract } from '../../../lib/contract/study-contract.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { instant, type Digest } from '../../../lib/core/ids.ts';
import { readStudy } from '../../../lib/data/read-study.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { chooseNoise, PLACEMENTS, type Placement } from '../../setup/choose-noise.ts';
import { readContractPolicy } from '../../setup/contract-policy.ts';
import {
  draftProductionContract,
  draftSimulationContract,
  measure,
  type ProductionDraftOptions,
} from '../../setup/draft.ts';
import { readOrganisations } from '../../setup/organisation.ts';
import { refuseExisting, writeNew } from '../../setup/write-file.ts';
import { measurements, positiveNumber, publishedRecords, wholeNumber } from '../option-values.ts';

const MAX_ROUNDS = 100_000;
const MAX_ORGANISATIONS = 1000;

interface Flags {
  readonly study: string;
  readonly org: readonly string[];
  readonly rounds?: number;
  readonly noise: Placement;
  readonly epsilon?: number;
  readonly delta?: number;
  readonly records?: NoisePlan['publicRecords'];
  readonly kMin?: number;
  readonly dataClass?: StudyContract['dataClass'];
  readonly enclavePolicy?: string;
  readonly sitePolicy?: string;
  readonly enclaveMeasurement?: readonly Digest[];
  readonly siteMeasurement?: readonly Digest[];
  readonly enclaveInstance?: readonly string[];
  readonly siteInstance?: readonly string[];
  readonly out: string;
  readonly json?: true;
}

/** `consilium contract draft`: a study file and organisations become one document to sign. */
export const contractDraft: CommandModule = {
  register(group, io) {
    const command = group
      .command('draft')
      .summary('write the contract of a study')
      .description(
        'Writes the contract of a study from its study file and the organisations that take part. With two policy ' +
          'files it is a contract for real hardware; without them attestation is simulated, which protects nothing: ' +
          'use no data that needs protection then.',
      )
      .requiredOption('--study <file>', 'the study file')
      .requiredOption('--org <file...>', "each organisation's organisation.json")
      .option('--rounds <n>', 'rounds to run (default: as the study says)', wholeNumber(MAX_ROUNDS))
      .addOption(new Option('--noise <where>', 'where noise is added').choices(PLACEMENTS).default('none'))
      .option('--epsilon <e>', 'what the whole study may cost a record (default: as the study says)', positiveNumber)
      .option('--delta <d>', 'the chance that this does not hold (default: as the study says)', positiveNumber)
      .option(
        '--records <site=n...>',
        'training records of each hospital as they are published, rounded by the hospital; wanted with noise',
        publishedRecords,
      )
      .option('--k-min <n>', 'fewest hospitals in a round (default: as the study says)', wholeNumber(MAX_ORGANISATIONS))
      .addOption(
        new Option('--data-class <class>', 'what kind of data (default: as the study says)').choices(
          studyContract.shape.dataClass.options,
        ),
      )
      .option('--enclave-policy <file>', 'what evidence of the enclave must say: a policy for real hardware')
      .option('--site-policy <file>', "what evidence of the hospitals' agents must say, likewise")
      .option(
        '--enclave-measurement <hex...>',
        'simulated: accepted enclave programs (default: this source)',
        measurements,
      )
      .option(
        '--site-measurement <hex...>',
        "simulated: accepted hospitals' agents (default: this source)",
        measurements,
      )
      .option('--enclave-instance <id...>', 'simulated: accepted machines of the enclave (default: any)')
      .option('--site-instance <id...>', 'simulated: accepted machines of the hospitals (default: any)')
      .requiredOption('--out <file>', 'where the contract goes; not overwritten')
      .action(async () => {
        const flags = command.optsWithGlobals<Flags>();
        refuseExisting(flags.out);
        const study = await readStudy(flags.study);
        if (!study.ok) throw new RefusalError(study.error);
        const { rounds, kMin, dataClass } = flags;
        const organisations = (await Promise.all(flags.org.map(readOrganisations))).flat();
        const terms = {
          ...chooseNoise(study.value, {
            placement: flags.noise,
            ...{ rounds: rounds ?? null, epsilon: flags.epsilon ?? null, delta: flags.delta ?? null },
            publicRecords: flags.records ?? [],
          }),
          organisations,
          at: instant(Date.now()),
          ...(kMin === undefined ? {} : { kMin }),
          ...(dataClass === undefined ? {} : { dataClass }),
        };
        const policies = await policiesOf(flags);
        const sealed =
          policies === null
            ? draftSimulationContract({
                ...terms,
                instances: { enclave: flags.enclaveInstance ?? null, site: flags.siteInstance ?? null },
                measurements: {
                  enclave: flags.enclaveMeasurement ?? [measure('enclave-simulation').digest],
                  site: flags.siteMeasurement ?? [measure('site-simulation').digest],
                },
              })
            : draftProductionContract({ ...terms, policies });
        await writeNew(flags.out, sealed.bytes);
        const digest = toHex(sealed.digest);
        io.stdout.write(
          flags.json
            ? `${JSON.stringify({ type: 'drafted', contract: digest, file: flags.out })}\n`
            : `Contract ${digest}\nwritten to ${flags.out}. Send it to every hospital, which reads it with\n\n` +
                `    consilium contract show ${flags.out}\n` +
                (policies === null ? '\nSIMULATION: attestation under this contract protects nothing.\n' : ''),
        );
      });
    addExamples(command, [
      [
        'consilium contract draft --study study.yaml --org a.json b.json c.json --out contract.cbor',
        'Three hospitals, everything else as the study file says:',
      ],
      [
        'consilium contract draft --study study.yaml --org a.json b.json c.json --rounds 5 --enclave-instance chip-7 --out contract.cbor',
        'Five rounds, on one named machine:',
      ],
      [
        'consilium contract draft --study study.yaml --org a.json b.json --enclave-policy enclave.yaml --site-policy site.yaml --out contract.cbor',
        'For real hardware, under two policies (`consilium attest policy explain`):',
      ],
    ]);
  },
};

/** Null: neither policy was given, so the contract is for simulation. Throws RefusalError E-USAGE where they do not fit. */
async function policiesOf(flags: Flags): Promise<ProductionDraftOptions['policies'] | null> {
  const { enclavePolicy, sitePolicy } = flags;
  if (enclavePolicy === undefined && sitePolicy === undefined) return null;
  if (enclavePolicy === undefined || sitePolicy === undefined)
    throw usage('--enclave-policy and --site-policy go together: both parties attest');
  const simulated = [flags.enclaveMeasurement, flags.siteMeasurement, flags.enclaveInstance, flags.siteInstance];
  if (simulated.some((given) => given !== undefined))
    throw usage('with policy files, programs and machines are named in them, not by options');
  return { enclave: await readContractPolicy(enclavePolicy), site: await readContractPolicy(sitePolicy) };
}

const usage = (problem: string): RefusalError => new RefusalError(refusal('E-USAGE', problem));
