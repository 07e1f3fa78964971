import { RefusalError } from '../../../lib/core/errors.ts';
import { calibrateNoiseMultiplier } from '../../../lib/privacy/calibrate.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { realNumber } from '../option-values.ts';
import { addTrainingOptions, showSpending, type Spending } from './spending.ts';

type Flags = Omit<Spending, 'noiseMultiplier'> & { readonly epsilon: number; readonly json?: true };

/** `consilium privacy calibrate`: how much noise a wanted epsilon needs. */
export const privacyCalibrate: CommandModule = {
  register(group, io) {
    const command = addTrainingOptions(
      group
        .command('calibrate')
        .summary('how much noise a wanted epsilon needs')
        .description('Finds the least noise with which a training stays at or below an epsilon.'),
    )
      .requiredOption(
        '--epsilon <e>',
        'the most that the training may spend',
        realNumber('above 0 and up to 1000000', (value) => value > 0 && value <= 1e6),
      )
      .action(() => {
        const { epsilon, samplingRate, steps, delta, json } = command.optsWithGlobals<Flags>();
        const calibrated = calibrateNoiseMultiplier({ epsilon, delta, samplingRate, steps });
        if (!calibrated.ok) throw new RefusalError(calibrated.error);
        showSpending({ samplingRate, noiseMultiplier: calibrated.value, steps, delta }, io, json);
      });
    addExamples(command, [
      [
        'consilium privacy calibrate --epsilon 1 --delta 0.0001 --sampling-rate 0.064 --steps 500',
        'A thousand patients, 64 in a step on average:',
      ],
    ]);
  },
};
