import { Option } from 'commander';
import { EVIDENCE_FORMATS, type EvidenceFormat } from '../../../lib/attestation/evidence-claims.ts';
import { documentPolicy, POLICY_FORMAT } from '../../../lib/attestation/policy/policy.ts';
import { addExamples, type CliIo, type CommandModule } from '../../command-module.ts';
import { policyKeysPage } from '../../output/policy-keys-page.ts';
import { wrapped } from '../../output/printable.ts';
import { renderTable } from '../../output/table.ts';
import { readPolicyFile } from '../../setup/attestation-policy.ts';
import { addEvidenceOptions, verdictOn, type EvidenceFlags } from './evidence-options.ts';
import { OUTCOME_WORDS, refuseUnlessPassed } from './verdict-text.ts';

const MOST_COLUMNS = 110;
const INDENT = '    ';

interface ExplainFlags {
  readonly platform?: EvidenceFormat;
  readonly markdown?: true;
  readonly json?: true;
}

/** `consilium attest policy …`: what a policy may say, and what it does. */
export const attestPolicy: CommandModule = {
  register(group, io) {
    const policy = group
      .command('policy')
      .summary('explain and try appraisal policies')
      .description('Explains the keys of appraisal policies, and tries a policy on evidence.');
    registerExplain(policy, io);
    registerTest(policy, io);
  },
};

function registerExplain(policy: Parameters<CommandModule['register']>[0], io: CliIo): void {
  const command = policy
    .command('explain')
    .summary('print every key of the policy language')
    .description('Prints every key: what it means, what it accepts, what holds without it, and an example.')
    .addOption(new Option('--platform <name>', 'the section of one platform only').choices(EVIDENCE_FORMATS))
    .option('--markdown', 'print docs/attestation-policy.md')
    .action(() => {
      const { platform, markdown, json } = command.optsWithGlobals<ExplainFlags>();
      const sections = documentPolicy().filter(({ format }) => platform === undefined || format === platform);
      if (json) io.stdout.write(`${JSON.stringify({ type: 'policy-keys', format: POLICY_FORMAT, sections })}\n`);
      else if (markdown) io.stdout.write(policyKeysPage());
      else io.stdout.write(explained(sections, Math.min(io.stdout.size().columns, MOST_COLUMNS) - 1));
    });
  addExamples(command, [['consilium attest policy explain --platform nitro', 'The keys for AWS Nitro:']]);
}

function explained(sections: ReturnType<typeof documentPolicy>, width: number): string {
  const lines = sections.flatMap(({ format, about, keys }) => [
    ...(format === null ? [`format: ${POLICY_FORMAT}   (always the first line)`, ''] : [`${format}: ${about}`, '']),
    ...keys.flatMap(({ path, about: text, accepts, otherwise, example }) => [
      path,
      ...[text, `Accepts: ${accepts}.`, `Without it: ${otherwise}.`, `Example: ${example}`]
        .flatMap((part) => wrapped(part, width - INDENT.length))
        .map((line) => INDENT + line),
      '',
    ]),
  ]);
  return `${lines.join('\n')}\n`;
}

function registerTest(policy: Parameters<CommandModule['register']>[0], io: CliIo): void {
  const command = addEvidenceOptions(
    policy
      .command('test')
      .summary('try a policy on a set of evidence files')
      .description(
        'Gives the verdict on each file under a policy. Ends with 0 only if every file is accepted, else with the code ' +
          'of the first that is not.',
      )
      .argument('<policy>', 'the policy, YAML')
      .argument('<file...>', 'the evidence'),
  ).action(async (policyFile: string, files: readonly string[]) => {
    const flags = command.optsWithGlobals<EvidenceFlags & { json?: true }>();
    const wanted = await readPolicyFile(policyFile);
    const verdicts = await Promise.all(files.map((file) => verdictOn(file, flags, { policy: wanted })));
    const rows = verdicts.map(({ outcome, format, checks }, index) => ({
      file: files[index] ?? '',
      platform: format,
      outcome,
      failed: checks.filter(({ passed }) => !passed).map(({ name }) => name),
    }));
    if (flags.json) for (const row of rows) io.stdout.write(`${JSON.stringify({ type: 'policy-test', ...row })}\n`);
    else {
      io.stdout.write(
        renderTable(
          ['file', 'platform', 'verdict'].map((title) => ({ title, align: 'left' })),
          rows.map(({ file, platform, outcome }) => [file, platform, OUTCOME_WORDS[outcome]]),
        ),
      );
    }
    refuseUnlessPassed(verdicts, files);
  });
  addExamples(command, [
    [
      'consilium attest policy test policy.yaml evidence/*.bin --at 2026-03-01T12:00:00Z',
      'Would these have been accepted then?',
    ],
  ]);
}
