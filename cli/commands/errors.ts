import { ERRORS, refusal, RefusalError, type ErrorCode } from '../../lib/core/errors.ts';
import { nearest } from '../../lib/core/nearest.ts';
import { addExamples, HELP_GROUP, type CliIo, type CommandModule } from '../command-module.ts';
import { errorsPage } from '../output/errors-page.ts';
import { renderTable } from '../output/table.ts';

interface Options {
  readonly json?: true;
  readonly markdown?: true;
}

const CODES = Object.keys(ERRORS) as ErrorCode[];

/** `consilium errors [CODE]`: what a code means for patient data and what to do. */
export const errorsCommand: CommandModule = {
  register(program, io) {
    const command = program
      .command('errors')
      .helpGroup(HELP_GROUP.reference)
      .summary('explain an error code, or list them all')
      .description('Explains an error code: what happened, what it means for patient data, what to do next.')
      .argument('[code]', 'the code, for example E-CONTRACT-INVALID; none: list all')
      .option('--markdown', 'print docs/errors.md')
      .action((code: string | undefined) => {
        const options = command.optsWithGlobals<Options>();
        if (options.markdown) io.stdout.write(errorsPage());
        else if (code === undefined) listAll(io, options);
        else explain(codeNamed(code), io, options);
      });
    addExamples(command, [
      ['consilium errors', 'List every code with its exit code:'],
      ['consilium errors E-COHORT-TOO-SMALL', 'Explain one code:'],
      ['consilium errors E-STORE-IO --json', 'The same for a program:'],
    ]);
  },
};

function codeNamed(text: string): ErrorCode {
  const wanted = text.toUpperCase();
  const found = CODES.find((code) => code === wanted || code === `E-${wanted}`);
  if (found !== undefined) return found;
  const near = nearest(wanted, CODES);
  throw new RefusalError(
    refusal('E-USAGE', `there is no code ${text}${near === null ? '' : `; did you mean ${near}?`}`),
  );
}

const asJson = (code: ErrorCode): string => JSON.stringify({ type: 'error-code', code, ...ERRORS[code] });

function listAll(io: CliIo, { json }: Options): void {
  if (json) {
    for (const code of CODES) io.stdout.write(`${asJson(code)}\n`);
    return;
  }
  const columns = [
    { title: 'code', align: 'left' },
    { title: 'exit', align: 'right' },
    { title: 'what happened', align: 'left' },
  ] as const;
  io.stdout.write(
    renderTable(
      columns,
      CODES.map((code) => [code, ERRORS[code].exit, ERRORS[code].what]),
    ),
  );
}

function explain(code: ErrorCode, io: CliIo, { json }: Options): void {
  if (json) {
    io.stdout.write(`${asJson(code)}\n`);
    return;
  }
  const { what, patientData, next, retryable, exit, grpc } = ERRORS[code];
  const lines = [
    code,
    '',
    `What happened  ${what}`,
    `Patient data   ${patientData}`,
    `What to do     ${next}`,
    `Try again      ${retryable ? 'yes, the same may succeed later' : 'no, something must change first'}`,
    `Exit code      ${exit} (gRPC ${grpc})`,
    '',
  ];
  io.stdout.write(lines.join('\n'));
}
