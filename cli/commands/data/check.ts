import { basename } from 'node:path';
import type { DataSchema } from '../../../lib/contract/data-schema.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { isOrganisationId, type OrganisationId } from '../../../lib/core/ids.ts';
import type { FeatureTable, HospitalData } from '../../../lib/data/featurise.ts';
import { loadHospital } from '../../../lib/data/load-hospital.ts';
import { readStudy } from '../../../lib/data/read-study.ts';
import { listedTestRows } from '../../../lib/data/split-rows.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { renderTable } from '../../output/table.ts';
import { idValue } from '../option-values.ts';

/** Fewer patients than this are not counted exactly, even here: terminals are copied into tickets. */
const SMALLEST_COUNT = 5;

interface Flags {
  readonly study: string;
  readonly org?: OrganisationId;
  readonly json?: true;
}

/** `consilium data check`: whether a file keeps the study's schema, and what would be used of it. */
export const dataCheck: CommandModule = {
  register(group, io) {
    const command = group
      .command('check')
      .summary("check a data file against a study's schema")
      .description(
        "Reads a hospital's file as its agent would and counts the rows for training and testing. A bad file gets the " +
          'first 20 violations with line, column and rule, never a value. Nothing leaves this machine.',
      )
      .argument('<file>', 'the data file')
      .requiredOption('--study <file>', 'the study file')
      .option('--org <id>', 'whose file it is, for the test rows (default: from the file name)', idValue)
      .action(async (file: string) => {
        const { study: studyPath, org, json } = command.optsWithGlobals<Flags>();
        const study = await readStudy(studyPath);
        if (!study.ok) throw new RefusalError(study.error);
        const { schema, files } = study.value;
        const organisation = org ?? organisationIn(basename(file), files);
        const data = await loadHospital({ path: file, organisation, schema });
        if (!data.ok) throw new RefusalError(data.error);
        const checked = { organisation, schema, data: data.value };
        io.stdout.write(json ? `${asJson(checked)}\n` : asText(basename(file), checked));
      });
    addExamples(command, [
      ['consilium data check processed.harbour.data --study study.yaml', 'Before the study begins:'],
    ]);
  },
};

/** The hospital that a file's name gives under the study's pattern. */
function organisationIn(name: string, pattern: string): OrganisationId {
  const [before = '', after = ''] = pattern.split('*');
  const id = name.slice(before.length, name.length - after.length);
  if (name.startsWith(before) && name.endsWith(after) && isOrganisationId(id)) return id;
  throw new RefusalError(refusal('E-USAGE', `the name is not of the form ${pattern}: say --org`));
}

interface Checked {
  readonly organisation: OrganisationId;
  readonly schema: DataSchema;
  readonly data: HospitalData;
}

const positives = ({ labels }: FeatureTable): number => labels.reduce((sum, label) => sum + label, 0);

const shownCount = (count: number): string => (count < SMALLEST_COUNT ? `fewer than ${SMALLEST_COUNT}` : String(count));

function asText(name: string, { organisation, schema, data }: Checked): string {
  const { train, test, droppedRows, totalRows } = data;
  const split =
    listedTestRows(schema, organisation) === null
      ? `1 row in ${schema.split.everyNth} is for testing`
      : 'the study lists the test rows';
  const table = renderTable(
    [
      { title: 'rows', align: 'left' },
      { title: 'number', align: 'right' },
      { title: 'positive', align: 'right' },
    ],
    [
      ['in the file', totalRows, null],
      ['left out: a value is missing', droppedRows, null],
      ['for training', train.rows, shownCount(positives(train))],
      ['for testing', test.rows, shownCount(positives(test))],
    ],
  );
  return `${name} keeps the schema of the study (${organisation}; ${split}).\n\n${table}`;
}

function asJson({ organisation, data: { train, test, droppedRows, totalRows } }: Checked): string {
  const positive = (table: FeatureTable): number | null =>
    positives(table) < SMALLEST_COUNT ? null : positives(table);
  const counted = (table: FeatureTable): object => ({ rows: table.rows, positive: positive(table) });
  return JSON.stringify({
    type: 'data',
    organisation,
    rows: totalRows,
    dropped: droppedRows,
    train: counted(train),
    test: counted(test),
    /** A count below this is given as null. */
    smallestCount: SMALLEST_COUNT,
  });
}
