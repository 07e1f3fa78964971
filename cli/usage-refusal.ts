import type { Command, CommanderError } from 'commander';
import { refusal, type Refusal } from '../lib/core/errors.ts';
import { nearest } from '../lib/core/nearest.ts';

/** What is wrong with the command line, with the nearest right word where there is one. */
export function usageRefusal(stop: CommanderError, command: Command): Refusal {
  const where = pathOf(command);
  if (stop.code === 'commander.unknownOption') {
    // What follows `=` is the user's value: it takes no part in the comparison and is not repeated.
    const flag = (/'(.*)'/s.exec(stop.message)?.[1] ?? '').split('=')[0] ?? '';
    return withNearest(`unknown option ${flag} of ${where}`, nearest(flag, optionsOf(command)));
  }
  if (stop.code === 'commander.unknownCommand' || stop.code === 'commander.help') {
    // `help <name>` for a name that does not exist ends as plain help.
    const name = command.args[stop.code === 'commander.help' ? 1 : 0] ?? '';
    return withNearest(`unknown command ${name} of ${where}`, nearest(name, commandsOf(command)));
  }
  // Commander looks for required options first: a misspelt one would otherwise only be reported as missing.
  const misspelt = stop.code === 'commander.missingMandatoryOptionValue' ? misspeltOption(command) : null;
  if (misspelt !== null)
    return withNearest(`unknown option ${misspelt} of ${where}`, nearest(misspelt, optionsOf(command)));
  return refusal('E-USAGE', `${where}: ${stop.message.replace(/^error: /, '')}`);
}

/** The first long option on the command line that `command` does not have; null when it has them all. */
function misspeltOption(command: Command): string | null {
  const line = rawArgumentsOf(command);
  const end = line.indexOf('--');
  const given = (end === -1 ? line : line.slice(0, end)).filter((word) => word.startsWith('--'));
  const known = optionsOf(command);
  return given.map((word) => word.split('=')[0] ?? word).find((flag) => !known.includes(flag)) ?? null;
}

const rawArgumentsOf = (command: Command): readonly string[] =>
  command.parent === null ? (command as Command & { rawArgs: string[] }).rawArgs : rawArgumentsOf(command.parent);

const withNearest = (problem: string, near: string | null): Refusal =>
  refusal('E-USAGE', near === null ? problem : `${problem}; did you mean ${near}?`);

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** Long options of `command` and of the commands above it, as help shows them. */
function optionsOf(command: Command): string[] {
  const own = command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => long ?? []);
  return command.parent === null ? own : [...own, ...optionsOf(command.parent)];
}

const commandsOf = (command: Command): string[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .flatMap((child) => [child.name(), ...child.aliases()]);
