import { HELP_GROUP, type CommandModule } from '../command-module.ts';
import { dataCheck } from './data/check.ts';
import { dataGenerate } from './data/generate.ts';

/** `consilium data …`: a hospital's own file, on its own machine. */
export const dataCommand: CommandModule = {
  register(program, io) {
    const group = program
      .command('data')
      .helpGroup(HELP_GROUP.check)
      .summary('check a data file, or make files to try with')
      .description("A hospital's data file under a study's schema. Nothing leaves this machine.");
    for (const module of [dataCheck, dataGenerate]) module.register(group, io);
  },
};
