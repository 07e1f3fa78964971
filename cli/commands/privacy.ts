import { HELP_GROUP, type CommandModule } from '../command-module.ts';
import { privacyCalibrate } from './privacy/calibrate.ts';
import { privacyEpsilon } from './privacy/epsilon.ts';
import { privacyLedger } from './privacy/ledger.ts';
import { privacyWhatLeaves } from './privacy/what-leaves.ts';

const MODULES: readonly CommandModule[] = [privacyEpsilon, privacyCalibrate, privacyLedger, privacyWhatLeaves];

/** `consilium privacy …`: what differential privacy costs and has cost. */
export const privacyCommand: CommandModule = {
  register(program, io) {
    const group = program
      .command('privacy')
      .helpGroup(HELP_GROUP.check)
      .summary('reckon what noise protects')
      .description(
        'Differential privacy in numbers: how much a training with noise tells about one patient at most (epsilon), how ' +
          'much noise a wanted epsilon needs, and what a hospital has spent.',
      );
    for (const module of MODULES) module.register(group, io);
  },
};
