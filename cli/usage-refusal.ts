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
  return refusal('E-USAGE', `${where}: ${stop.message.replace(/^error: /, '')}`);
}

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
