import { basename } from 'node:path';
import { readNamedFile } from '../../lib/config/named-file.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import { readTable } from '../../lib/data/read-table.ts';
import { decodeModelFile, type ModelFile } from '../../lib/learning/model-file.ts';
import { addExamples, HELP_GROUP, type CliIo, type CommandModule } from '../command-module.ts';
import { predictionRows, type PredictionRows } from '../setup/prediction-rows.ts';
import { refuseExisting, writeSecret } from '../setup/write-file.ts';

interface Flags {
  readonly model: string;
  readonly data: string;
  readonly out?: string;
  readonly json?: true;
}

/** `consilium predict`: a released model on a hospital's own rows. */
export const predictCommand: CommandModule = {
  register(program, io) {
    const command = program
      .command('predict')
      .helpGroup(HELP_GROUP.check)
      .summary('use a released model on a data file')
      .description(
        "Applies a model file to a file with the study's columns; the outcome column may hold anything and is not " +
          'read. Gives row number (from 1, header not counted) and probability as CSV; rows that lack a value are ' +
          'listed. Nothing leaves this machine. Not for use in care, and not a check: see `consilium verify model`.',
      )
      .requiredOption('--model <file>', 'the model file, such as model.cbor or round-0020.model.cbor')
      .requiredOption('--data <file>', 'the data file')
      .option('--out <file>', 'write the CSV to a file for its owner only; not overwritten')
      .action(async () => {
        await run(command.optsWithGlobals<Flags>(), io);
      });
    addExamples(command, [
      ['consilium predict --model received/round-0020.model.cbor --data new-patients.data', 'On the terminal:'],
      ['consilium predict --model model.cbor --data new-patients.data --out predictions.csv', 'Into a file:'],
    ]);
  },
};

async function run({ model: modelPath, data, out, json }: Flags, io: CliIo): Promise<void> {
  if (out !== undefined) refuseExisting(out);
  const model = decodeModelFile(await readNamedFile(modelPath, 'E-MODEL-FILE'));
  if (!model.ok) throw new RefusalError(model.error);
  const bytes = await readTable(data);
  if (!bytes.ok) throw new RefusalError(bytes.error);
  const rows = predictionRows(bytes.value, { schema: model.value.schema, fileName: basename(data) });
  if (!rows.ok) throw new RefusalError(rows.error);
  const predicted = await predict(model.value, rows.value);
  const csv = [header(predicted), ...predicted.map(csvLine), ''].join('\n');
  if (out !== undefined) await writeSecret(out, csv);
  if (json) showJson({ model: model.value, rows: rows.value, predicted, out }, io);
  else {
    if (out === undefined) io.stdout.write(csv);
    io.stderr.write(note({ model: model.value, rows: rows.value, predicted, out }));
  }
}

/** `row` counts from 1; one probability per class, or only that of the positive class where there are two. */
interface Prediction {
  readonly row: number;
  readonly probabilities: readonly number[];
}

async function predict({ spec, weights }: ModelFile, { table }: PredictionRows): Promise<Prediction[]> {
  if (table === null) return [];
  const { loadTrainer } = await import('../../lib/learning/tfjs/load-trainer.ts');
  const trainer = await loadTrainer();
  const flat = await trainer.predict({ spec, weights, features: table.features });
  const classes = flat.length / table.rows;
  return Array.from(table.rawRowIndex, (rawRow, index) => ({
    row: rawRow + 1,
    probabilities: Array.from(flat.subarray(index * classes, (index + 1) * classes)),
  }));
}

const header = ([first]: readonly Prediction[]): string => {
  const classes = first?.probabilities.length ?? 1;
  return classes === 1 ? 'row,probability' : ['row', ...Array.from({ length: classes }, (_, i) => `class_${i}`)].join();
};

const csvLine = ({ row, probabilities }: Prediction): string =>
  [row, ...probabilities.map((probability) => probability.toFixed(6))].join();

interface Shown {
  readonly model: ModelFile;
  readonly rows: PredictionRows;
  readonly predicted: readonly Prediction[];
  readonly out: string | undefined;
}

const rowNumbers = ({ dropped }: PredictionRows): number[] => dropped.map((rawRow) => rawRow + 1);

function note({ model, rows, predicted, out }: Shown): string {
  const dropped = rowNumbers(rows);
  const left = dropped.length === 0 ? 'none' : `${dropped.length} (rows ${dropped.join(', ')})`;
  return [
    `Model      ${toHex(model.digest)}, round ${model.round}; not verified here: consilium verify model`,
    `Predicted  ${predicted.length} of ${rows.totalRows} rows${out === undefined ? '' : `, in ${out}`}`,
    `Left out   ${left}${dropped.length === 0 ? '' : ': a value is missing'}`,
    '',
  ].join('\n');
}

function showJson({ model, rows, predicted, out }: Shown, io: CliIo): void {
  if (out === undefined)
    for (const prediction of predicted) io.stdout.write(`${JSON.stringify({ type: 'prediction', ...prediction })}\n`);
  const summary = {
    type: 'predicted',
    model: toHex(model.digest),
    contract: toHex(model.contract),
    round: model.round,
    rows: rows.totalRows,
    predicted: predicted.length,
    dropped: rowNumbers(rows),
    file: out ?? null,
  };
  io.stdout.write(`${JSON.stringify(summary)}\n`);
}
