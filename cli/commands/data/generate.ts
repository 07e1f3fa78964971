import { join } from 'node:path';
import { RefusalError } from '../../../lib/core/errors.ts';
import { generateCohorts } from '../../../lib/data/cohorts.ts';
import { hospitalFileName, writeHospitalFiles } from '../../../lib/data/hospital-files.ts';
import { readStudy } from '../../../lib/data/read-study.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { refuseExisting } from '../../setup/write-file.ts';
import { wholeNumber } from '../option-values.ts';

const MAX_SEED = 0x7fff_ffff;
const DEFAULT_SEED = 1;

interface Flags {
  readonly study: string;
  readonly seed: number;
  readonly out: string;
  readonly json?: true;
}

/** `consilium data generate`: files of invented hospitals, to try the programs with. */
export const dataGenerate: CommandModule = {
  register(group, io) {
    const command = group
      .command('generate')
      .summary('make files of four invented hospitals')
      .description(
        'Writes the files of four invented hospitals for the shipped heart disease study. They are synthetic and say ' +
          'nothing about patients (docs/synthetic-cohorts.md).',
      )
      .requiredOption('--study <file>', 'the study file, for the names of the files')
      .option('--seed <n>', 'the same seed gives the same files', wholeNumber(MAX_SEED), DEFAULT_SEED)
      .requiredOption('--out <folder>', 'where the files go; none is overwritten')
      .action(async () => {
        const { study: studyPath, seed, out, json } = command.optsWithGlobals<Flags>();
        const study = await readStudy(studyPath);
        if (!study.ok) throw new RefusalError(study.error);
        const { files: pattern } = study.value;
        const cohorts = generateCohorts(seed);
        refuseExisting(...cohorts.map(({ organisation }) => join(out, hospitalFileName(pattern, organisation))));
        const written = await writeHospitalFiles(out, pattern, cohorts);
        if (json) io.stdout.write(`${JSON.stringify({ type: 'generated', synthetic: true, files: written })}\n`);
        else for (const { organisation, path } of written) io.stdout.write(`SYNTHETIC ${organisation}: ${path}\n`);
      });
    addExamples(command, [
      ['consilium data generate --study examples/heart-disease/study.yaml --out data', 'Four files in a folder:'],
    ]);
  },
};
