import { HELP_GROUP, type CommandModule } from '../command-module.ts';
import { orgConfirm } from './org/confirm.ts';
import { orgInit } from './org/init.ts';
import { orgWords } from './org/words.ts';

/** `consilium org …`: an organisation's key, and whose keys it believes. */
export const orgCommand: CommandModule = {
  register(program, io) {
    const group = program
      .command('org')
      .helpGroup(HELP_GROUP.run)
      .summary("make an organisation's key, confirm the keys of others")
      .description(
        "An organisation's signing key, and whose keys it has confirmed by telephone. A hospital counts only " +
          'organisations that it has confirmed itself towards the smallest cohort.',
      );
    for (const module of [orgInit, orgWords, orgConfirm]) module.register(group, io);
  },
};
