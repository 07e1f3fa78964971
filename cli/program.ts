import { Command, type CommanderError } from 'commander';
import { styleText } from 'node:util';
import { ERRORS, refusal, RefusalError } from '../lib/core/errors.ts';
import { describeFault } from '../lib/telemetry/describe-fault.ts';
import packageJson from '../package.json' with { type: 'json' };
import { HELP_GROUP, wantsColor, type CliIo, type CommandModule } from './command-module.ts';
import { renderRefusals, refusalsAsJson } from './output/render-refusal.ts';
import { usageRefusal } from './usage-refusal.ts';

/** sysexits.h EX_USAGE, also when only help was shown because no command was given. */
const EXIT_USAGE = 64;

/** Commander's way out of a command, with the command it came from. */
class CommanderStop extends Error {
  readonly stop: CommanderError;
  readonly command: Command;
  constructor(stop: CommanderError, command: Command) {
    super(stop.message);
    this.stop = stop;
    this.command = command;
  }
}

/** The `consilium` command with everything that `modules` add to it. */
function buildProgram(modules: readonly CommandModule[], io: CliIo): Command {
  const program = new Command('consilium')
    .description('Federated learning for hospitals: one model from many, without the data leaving any of them.')
    .usage('<command> [options]')
    .version(packageJson.version, '-V, --version', 'print the version')
    .option('--json', 'print one JSON object per line, for programs')
    .helpOption('-h, --help', 'show help')
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (title) => styleText('bold', title, { validateStream: false }),
    });
  for (const module of modules) module.register(program, io);
  const help = new Command('help').argument('[command]').helpGroup(HELP_GROUP.reference);
  program.addHelpCommand(help.description('show the help of a command'));
  program.addHelpText('after', '\nRun `consilium <command> --help` for the options and examples of one command.');
  harden(program, io);
  return program;
}

/** Every command: our error format instead of Commander's, and thrown instead of exiting. */
function harden(command: Command, io: CliIo): void {
  command
    .showSuggestionAfterError(false)
    .exitOverride((stop) => {
      throw new CommanderStop(stop, command);
    })
    .configureOutput({
      writeOut: (text) => {
        io.stdout.write(text);
      },
      writeErr: (text) => {
        io.stderr.write(text);
      },
      outputError: () => undefined,
      getOutHelpWidth: () => io.stdout.size().columns,
      getErrHelpWidth: () => io.stderr.size().columns,
      getOutHasColors: () => wantsColor(io.stdout, io.env),
      getErrHasColors: () => wantsColor(io.stderr, io.env),
    });
  for (const child of command.commands) harden(child, io);
}

/** Runs one command line (without `node` and the script) and gives the exit code. Never throws. */
export async function runProgram(
  argv: readonly string[],
  modules: readonly CommandModule[],
  io: CliIo,
): Promise<number> {
  try {
    await buildProgram(modules, io).parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (fault) {
    return reportFault(fault, io, wantsJson(argv));
  }
}

/** Says what went wrong, for people on stderr or for programs on stdout, and gives the exit code. */
export function reportFault(fault: unknown, io: CliIo, json: boolean): number {
  const refusals = refusalsOf(fault);
  if (typeof refusals === 'number') return refusals;
  if (io.env['CONSILIUM_DEBUG'] === '1' && fault instanceof Error && !(fault instanceof CommanderStop)) {
    io.stderr.write(`${fault.stack ?? fault.message}\n`);
  }
  if (json) io.stdout.write(`${refusalsAsJson(refusals)}\n`);
  else
    io.stderr.write(
      renderRefusals(refusals, { columns: io.stderr.size().columns, color: wantsColor(io.stderr, io.env) }),
    );
  return ERRORS[refusals[0].code].exit;
}

/** An exit code where nothing is left to say: help or the version was asked for and shown. */
function refusalsOf(fault: unknown): RefusalError['refusals'] | number {
  if (fault instanceof RefusalError) return fault.refusals;
  if (!(fault instanceof CommanderStop)) return [refusal('E-INTERNAL', whereOf(fault))];
  if (fault.stop.exitCode === 0) return 0;
  if (fault.stop.code === 'commander.help' && fault.command.args[0] !== 'help') return EXIT_USAGE;
  return [usageRefusal(fault.stop, fault.command)];
}

/** Class and place, never the message: it may quote data. */
function whereOf(fault: unknown): string {
  const described = describeFault(fault);
  return described.kind === 'error' ? `${described.name} at ${described.at[0] ?? 'an unknown place'}` : described.kind;
}

/** Read off the raw line, because a line that cannot be parsed must still be answered in JSON. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
}
