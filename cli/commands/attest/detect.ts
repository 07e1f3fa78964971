import type { Finding } from '../../../lib/attestation/attesters/detect.ts';
import { addExamples, type CliIo, type CommandModule } from '../../command-module.ts';
import { renderTable } from '../../output/table.ts';

/** `consilium attest detect`: which hardware this machine offers to a program, and why not the rest. */
export const attestDetect: CommandModule = {
  register(group, io) {
    const command = group
      .command('detect')
      .summary('say which platforms this machine offers, and why not the others')
      .description(
        'Looks at the devices and files through which a program could ask this machine for evidence, and says for each ' +
          'platform what is there, what is missing, and what can be done about it. Nothing is attested.',
      )
      .action(async () => {
        const { json } = command.optsWithGlobals<{ readonly json?: true }>();
        const findings = await look();
        if (json)
          for (const finding of findings) io.stdout.write(`${JSON.stringify({ type: 'platform', ...finding })}\n`);
        else show(findings, io);
      });
    addExamples(command, [
      ['consilium attest detect', 'Look at this machine:'],
      ['consilium attest detect --json', 'The same for a program, one line for each platform:'],
    ]);
  },
};

async function look(): Promise<readonly Finding[]> {
  const { detectPlatforms } = await import('../../../lib/attestation/attesters/detect.ts');
  const { nodePseudoFiles } = await import('../../../lib/attestation/attesters/node-pseudo-files.ts');
  const { dstackClient } = await import('../../../lib/attestation/attesters/dstack-client.ts');
  const { koffiLoads } = await import('../../../lib/attestation/attesters/koffi-ioctl.ts');
  const { findProgram } = await import('../../../lib/attestation/attesters/find-program.ts');
  return detectPlatforms({ files: nodePseudoFiles, dstack: dstackClient(), koffiLoads, findProgram });
}

function show(findings: readonly Finding[], io: CliIo): void {
  const columns = ['platform', 'state', 'found'].map((title) => ({ title, align: 'left' as const }));
  io.stdout.write(
    renderTable(
      columns,
      findings.map(({ platform, state, found }) => [platform, state, found]),
    ),
  );
  const steps = findings.flatMap(({ platform, next }) => (next === null ? [] : [`  ${platform}: ${next}\n`]));
  if (steps.length > 0) io.stdout.write(`\nWhat would be needed:\n${steps.join('')}`);
  io.stdout.write('\nNothing was attested. More: docs/attesters.md.\n');
}
