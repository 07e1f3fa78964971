import { addExamples, type CommandModule } from '../../command-module.ts';
import { realNumber } from '../option-values.ts';
import { addTrainingOptions, showSpending, type Spending } from './spending.ts';

/** `consilium privacy epsilon`: what a training with noise spends. */
export const privacyEpsilon: CommandModule = {
  register(group, io) {
    const command = addTrainingOptions(
      group
        .command('epsilon')
        .summary('what a training with noise tells about one patient at most')
        .description(
          'Adds up the Rényi differential privacy of all steps and converts it to epsilon. Holds for discrete Gaussian ' +
            'noise and for the continuous one.',
        ),
    )
      .requiredOption(
        '--noise-multiplier <z>',
        'standard deviation of the noise / the most that one patient changes a step',
        realNumber('from 0.0001 to 1000000', (value) => value >= 1e-4 && value <= 1e6),
      )
      .action(() => {
        const { samplingRate, noiseMultiplier, steps, delta, json } = command.optsWithGlobals<
          Spending & { json?: true }
        >();
        showSpending({ samplingRate, noiseMultiplier, steps, delta }, io, json);
      });
    addExamples(command, [
      [
        'consilium privacy epsilon --sampling-rate 0.064 --noise-multiplier 5.2 --steps 500 --delta 0.0001',
        'A thousand patients, 64 in a step on average:',
      ],
    ]);
  },
};
