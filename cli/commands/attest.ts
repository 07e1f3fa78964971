import { HELP_GROUP, type CommandModule } from '../command-module.ts';
import { attestDetect } from './attest/detect.ts';
import { attestPolicy } from './attest/policy.ts';
import { attestShow } from './attest/show.ts';
import { attestVerify } from './attest/verify.ts';

const MODULES: readonly CommandModule[] = [attestVerify, attestShow, attestPolicy, attestDetect];

/** `consilium attest …`: evidence of real hardware, offline. */
export const attestCommand: CommandModule = {
  register(program, io) {
    const group = program
      .command('attest')
      .helpGroup(HELP_GROUP.check)
      .summary('check attestation evidence of real hardware offline')
      .description(
        'Answers offline whether this is really that program on that hardware: reads evidence of a processor or a GPU, ' +
          'checks it against the roots of the vendors, and compares what it says with a policy of yours.',
      );
    for (const module of MODULES) module.register(group, io);
  },
};
