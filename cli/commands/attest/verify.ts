import { earJson } from '../../../lib/attestation/ear.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { readPolicyFile } from '../../setup/attestation-policy.ts';
import { addExamples, type CliIo, type CommandModule } from '../../command-module.ts';
import { addEvidenceOptions, hexValue, verdictOn, type EvidenceFlags, type ExpectedFlags } from './evidence-options.ts';
import { refuseUnlessPassed, verdictText } from './verdict-text.ts';

type Flags = EvidenceFlags & ExpectedFlags & { readonly policy?: string; readonly json?: true };

/** `consilium attest verify`: is this that program on that hardware? */
export const attestVerify: CommandModule = {
  register(group, io) {
    const command = addEvidenceOptions(
      group
        .command('verify')
        .summary('check one piece of evidence')
        .description(
          'Parses evidence, checks its signatures, certificates, revocation and firmware, and appraises it by a policy. ' +
            'The file may be raw, hexadecimal, Base64, PEM, or JSON of a collector. Works offline. Without --policy it ' +
            'says whether the evidence is authentic and shows its claims, and nothing about whether they are good. ' +
            'Ends with 0 if every check that was asked for passed, 40 if it is authentic and the policy refuses it, ' +
            '41 if it is not authentic, 42 if a needed input is missing.',
        )
        .argument('<file>', 'the evidence'),
    )
      .option('--policy <file>', 'what to accept: an appraisal policy in YAML')
      .option('--report-data <hex>', 'what the program must have put into the evidence', hexValue)
      .option('--nonce <hex>', 'your nonce, where the evidence has a field for it', hexValue)
      .action(async (file: string) => {
        await run(file, command.optsWithGlobals<Flags>(), io);
      });
    addExamples(command, [
      ['consilium attest verify quote.bin --collateral tcb.json crls.pem', 'Is it authentic, and what does it say?'],
      [
        'consilium attest verify document.cbor --policy policy.yaml --nonce 8f2c0e…',
        'Is it the program that your policy allows, and was it asked just now?',
      ],
      [
        'consilium attest verify report.bin --certs vcek.der --at 2026-03-01T12:00:00Z --json',
        'As it was at another time, for a program (EAR, draft-ietf-rats-ear):',
      ],
    ]);
  },
};

async function run(file: string, flags: Flags, io: CliIo): Promise<void> {
  const { policy, reportData, nonce, json } = flags;
  const verdict = await verdictOn(file, flags, {
    policy: policy === undefined ? null : await readPolicyFile(policy),
    expected: { ...(reportData && { reportData }), ...(nonce && { nonce }) },
  });
  if (json) {
    const ear = earJson(verdict, `consilium ${packageJson.version}`);
    io.stdout.write(`${JSON.stringify({ type: 'attestation-result', ...ear })}\n`);
  } else {
    const asked = reportData !== undefined || nonce !== undefined;
    io.stdout.write(verdictText(verdict, { file, asked, columns: io.stdout.size().columns }));
  }
  refuseUnlessPassed([verdict]);
}
