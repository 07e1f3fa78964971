import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readNamedFile } from '../../../lib/config/named-file.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { addExamples, type CliIo, type CommandModule } from '../../command-module.ts';
import { collateralOf } from '../attest/evidence-options.ts';
import { readConfirmedKeys } from '../../setup/confirmed-keys.ts';
import { readRoots } from '../../setup/roots-file.ts';
import { verifyModel } from '../../setup/verify-model.ts';
import { verificationAsJson, verificationText } from './verification-text.ts';

interface Flags {
  readonly orgKeys: readonly string[];
  readonly roots?: string;
  readonly collateral?: readonly string[];
  readonly model?: string;
  readonly requireHardware?: true;
  readonly json?: true;
}

/** `consilium verify model`: re-checks a model passport without asking anybody. */
export const verifyModelCommand: CommandModule = {
  register(group, io) {
    const command = group
      .command('model')
      .summary('check a model and its passport')
      .description(
        'Checks a passport bundle and the model beside it: contract, approvals, evidence of the enclave, statement ' +
          'chain, cohort, acknowledgements, weights. Works offline. Keys and roots come from your own files, never ' +
          'from the bundle. Simulated evidence counts only under a root that your file lists as simulated. ' +
          'Ends with 0 only if every check passed, else with 41.',
      )
      .argument('<bundle>', 'passport bundle, such as passport.cbor or round-0020.passport.cbor')
      .requiredOption(
        '--org-keys <file...>',
        'keys you have confirmed: organisation.json files, a list, or overlay.yaml',
      )
      .option('--roots <file>', 'roots.json: roots of simulated chips that you believe (default: real hardware only)')
      .option('--collateral <path...>', 'collateral of vendors beside what the bundle brings, for real hardware')
      .option('--model <file>', 'the model file (default: model.cbor or *.model.cbor beside the bundle)')
      .option('--require-hardware', 'refuse simulated evidence, whatever the roots say')
      .action(async (bundle: string) => {
        await run(bundle, command.optsWithGlobals<Flags>(), io);
      });
    addExamples(command, [
      [
        'consilium verify model passport.cbor --org-keys organisations.json --roots roots.json',
        'In the run folder of `consilium simulate`:',
      ],
      [
        'consilium verify model received/round-0020.passport.cbor --org-keys overlay.yaml --roots roots.json',
        'At a hospital, with the keys that it confirmed:',
      ],
    ]);
  },
};

async function run(bundlePath: string, flags: Flags, io: CliIo): Promise<void> {
  const { orgKeys, roots, collateral = [], requireHardware = false, json = false } = flags;
  const modelPath = flags.model ?? modelBeside(bundlePath);
  const verification = verifyModel({
    bundle: await readNamedFile(bundlePath),
    model: modelPath === null ? null : await readNamedFile(modelPath),
    organisations: await readConfirmedKeys(orgKeys),
    simulatedRoots: roots === undefined ? [] : await readRoots(roots),
    collateral: await collateralOf({ collateral }),
    requireHardware,
  });
  const shown = { ...verification, modelPath };
  io.stdout.write(json ? `${verificationAsJson(shown)}\n` : verificationText(shown, io.stdout.size().columns));
  if (verification.passed) return;
  const failed = verification.checks.filter(({ passed }) => !passed).map(({ name }) => name);
  throw new RefusalError(refusal('E-PASSPORT-INVALID', failed.join(', ')));
}

/** Where programs put the model that belongs to a bundle; null when nothing is there. */
function modelBeside(bundlePath: string): string | null {
  const name = basename(bundlePath);
  const own = name.endsWith('.passport.cbor') ? name.replace(/\.passport\.cbor$/, '.model.cbor') : 'model.cbor';
  const path = join(dirname(bundlePath), own);
  return existsSync(path) ? path : null;
}
