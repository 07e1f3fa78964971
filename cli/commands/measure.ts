import { Option } from 'commander';
import type { ProgramMeasurement } from '../../lib/attestation/measure/measure-program.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { addExamples, HELP_GROUP, type CliIo, type CommandModule } from '../command-module.ts';
import { renderTable } from '../output/table.ts';
import { measure } from '../setup/draft.ts';
import type { MeasuredProgram } from '../setup/program-entries.ts';

const ROLES = ['enclave', 'site'] as const;
type Role = (typeof ROLES)[number];

interface Flags {
  readonly program?: Role;
  readonly files?: true;
  readonly json?: true;
}

interface Measured {
  readonly role: Role;
  readonly attestation: 'simulated' | 'hardware';
  readonly measurement: ProgramMeasurement;
}

/** `consilium measure`: what an honest program of this source measures. */
export const measureCommand: CommandModule = {
  register(program, io) {
    const command = program
      .command('measure')
      .helpGroup(HELP_GROUP.check)
      .summary('compute the expected measurement of the programs')
      .description(
        'Computes from source what a machine attests when it runs these programs: one hash over every file that the ' +
          'program loads, the lock file that pins its packages, and the .proto files. Compare it with the policy of a contract.',
      )
      .addOption(new Option('--program <program>', 'only this program (default: both)').choices(ROLES))
      .option('--files', 'list every file that is measured, with its SHA-256')
      .action(() => {
        const { program: only, files, json } = command.optsWithGlobals<Flags>();
        const measured = ROLES.filter((role) => only === undefined || role === only).flatMap(measureRole);
        if (json) for (const item of measured) io.stdout.write(`${asJson(item, files === true)}\n`);
        else show(measured, files === true, io);
      });
    addExamples(command, [
      ['consilium measure', 'Both programs, simulated and real:'],
      ['consilium measure --program enclave --files', 'What exactly is measured of the enclave:'],
    ]);
  },
};

function measureRole(role: Role): Measured[] {
  const entries = [
    ['simulated', `${role}-simulation`],
    ['hardware', role],
  ] as const satisfies readonly (readonly [Measured['attestation'], MeasuredProgram])[];
  return entries.map(([attestation, entry]) => ({ role, attestation, measurement: measure(entry) }));
}

function show(measured: readonly Measured[], files: boolean, io: CliIo): void {
  const left = (...titles: string[]): { title: string; align: 'left' }[] =>
    titles.map((title) => ({ title, align: 'left' }));
  const rows = measured.map(({ role, attestation, measurement }) => [role, attestation, toHex(measurement.digest)]);
  io.stdout.write(renderTable(left('program', 'attestation', 'measurement'), rows));
  if (!files) return;
  for (const { role, attestation, measurement } of measured) {
    io.stdout.write(`\n${role}, ${attestation}: ${measurement.files.length} files\n\n`);
    const listed = measurement.files.map(({ path, sha256 }) => [path, sha256]);
    io.stdout.write(renderTable(left('file', 'SHA-256'), listed));
    for (const path of measurement.computedImports)
      io.stdout.write(`Not covered: what ${path} loads by a computed name.\n`);
  }
}

function asJson(
  { role, attestation, measurement: { digest, files, computedImports } }: Measured,
  all: boolean,
): string {
  return JSON.stringify({
    type: 'measurement',
    program: role,
    attestation,
    measurement: toHex(digest),
    ...(all ? { files, computedImports } : {}),
  });
}
