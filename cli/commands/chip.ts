import { HELP_GROUP, type CommandModule } from '../command-module.ts';
import { chipInit } from './chip/init.ts';

/** `consilium chip …`: the simulated platform, set up by hand. */
export const chipCommand: CommandModule = {
  register(program, io) {
    const group = program
      .command('chip')
      .helpGroup(HELP_GROUP.run)
      .summary('set up the simulated attestation platform')
      .description('The simulated attestation platform, for studies under a simulation contract. It protects nothing.');
    chipInit.register(group, io);
  },
};
