import { HELP_GROUP, type CommandModule } from '../command-module.ts';
import { studyLaunch } from './study/launch.ts';
import { studyStatus } from './study/status.ts';
import { studyStop } from './study/stop.ts';
import { studyWatch } from './study/watch.ts';

/** `consilium study …`: what a researcher asks of the coordinator. */
export const studyCommand: CommandModule = {
  register(program, io) {
    const group = program
      .command('study')
      .helpGroup(HELP_GROUP.run)
      .summary('launch, follow or stop a study')
      .description('What a researcher asks of the coordinator. Models and updates are not among it.');
    for (const module of [studyStatus, studyLaunch, studyWatch, studyStop]) module.register(group, io);
  },
};
