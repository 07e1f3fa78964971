import { join, resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { addExamples, HELP_GROUP, type CliIo, type CommandModule } from '../command-module.ts';
import { PLACEMENTS, type Placement } from '../setup/choose-noise.ts';
import type { SimulationOptions } from '../simulation/simulation-options.ts';
import { positiveNumber } from './option-values.ts';
import { addFaultOptions, faultsOf, type FaultFlags } from './simulate-faults.ts';

interface Flags extends FaultFlags {
  readonly data?: string;
  readonly study: string;
  readonly rounds?: number;
  readonly noise?: Placement;
  readonly epsilon?: number;
  readonly delta?: number;
  readonly seed?: string;
  readonly out?: string;
  readonly keep?: true;
  readonly sites?: number;
  readonly split?: true;
  readonly direct?: true;
  readonly lie: SimulationOptions['lies'];
  readonly backend?: SimulationOptions['backend'];
  readonly json?: true;
}

const DEFAULT_STUDY = join(import.meta.dirname, '..', '..', 'examples', 'heart-disease', 'study.yaml');

/** `consilium simulate`: a whole study on this machine, every party a process of its own. */
export const simulateCommand: CommandModule = {
  register(program, io) {
    const command = program
      .command('simulate')
      .helpGroup(HELP_GROUP.try)
      .summary('run a whole study on this machine')
      .description(
        'Starts a coordinator, an aggregator enclave and one agent per hospital as processes of their own on this machine, ' +
          'runs the study, verifies the model passport and writes a run folder. Attestation is simulated and protects nothing.',
      )
      .option(
        '--data <folder>',
        'hospital files, one per hospital, named as the study says (default: four generated cohorts)',
      )
      .option('--study <file>', 'the study file', DEFAULT_STUDY)
      .option('--rounds <n>', 'rounds to run (default: as the study says)', positive)
      .addOption(
        new Option(
          '--noise <where>',
          'where noise is added: in the enclave, at each site, or none (default: enclave, if the study says how)',
        ).choices(PLACEMENTS),
      )
      .option('--epsilon <e>', 'what the whole study may cost a record (default: as the study says)', positiveNumber)
      .option('--delta <d>', 'the chance that this does not hold (default: as the study says)', positiveNumber)
      .option(
        '--seed <text>',
        'derive keys, salts, sampling and a fixed clock from this, so that the run can be repeated',
      )
      .option('--sites <n>', 'number of hospitals; another number than there are files needs --split', positive)
      .option('--split', 'divide the rows among made-up hospitals, marked synthetic')
      .option('--direct', 'hospitals dial the enclave themselves instead of through the coordinator')
      .option(
        '--lie <party:what>',
        'let the simulated chip of the enclave or of a hospital lie, to see it refused: debug=true, instance=<name>, measurement=<hex>; repeatable',
        lie,
        [],
      )
      .option(
        '--backend <name>',
        'training backend: tensorflow, wasm or cpu (default: the fastest that starts)',
        backend,
      )
      .option('--keep', 'keep keys, configurations, stores and logs after the run')
      .option('--out <folder>', 'where the run folder goes (default: runs/<study>-<time>)');
    addFaultOptions(command).action(async () => {
      await run(command.optsWithGlobals<Flags>(), io);
    });
    addExamples(command, [
      ['consilium simulate', 'Four generated hospitals, twenty rounds:'],
      ['consilium simulate --data heart-disease --seed 7 --json', 'Real files, repeatable, for a program:'],
      [
        'consilium simulate --data heart-disease --sites 10 --split --rounds 5',
        'Ten made-up hospitals from the same rows:',
      ],
      [
        'consilium simulate --rounds 6 --drop site-3@2 --kill enclave@5 --tamper site-4@3',
        'A hospital off the network, an enclave killed, a bit flipped on a line; the study goes on:',
      ],
      ['consilium simulate --lie enclave:debug=true', 'Every hospital refuses an enclave that can be debugged:'],
    ]);
  },
};

async function run(flags: Flags, io: CliIo): Promise<void> {
  const stopping = stopOnSignals(io);
  const { simulate } = await import('../simulation/simulate.ts');
  const { createProgress } = await import('../output/progress.ts');
  const { renderSummary } = await import('../report/summary-text.ts');
  const json = flags.json === true;
  const progress = createProgress(io, { json });
  const { summary, folder } = await simulate(optionsOf(flags), { progress, ...stopping });
  if (json) io.stdout.write(`${JSON.stringify(summary)}\n`);
  else
    io.stdout.write(
      `${renderSummary(summary)}\nThe run folder is ${folder.root}\nOpen ${folder.report} for the report.\n`,
    );
}

/** A second signal this long after the first is impatience; sooner, it is the same one by another way. */
const SAME_SIGNAL_MS = 500;

/** The first signal stops the run in order, a second one at once. */
function stopOnSignals(io: CliIo): { signal: AbortSignal; impatience: AbortSignal } {
  const stopping = new AbortController();
  const impatience = new AbortController();
  let stoppedAt: number | null = null;
  const stop = (): void => {
    stoppedAt ??= performance.now();
    stopping.abort();
    if (performance.now() - stoppedAt > SAME_SIGNAL_MS) impatience.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  io.outputClosed.addEventListener('abort', stop);
  return { signal: stopping.signal, impatience: impatience.signal };
}

function optionsOf(flags: Flags): SimulationOptions {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
  return {
    data: flags.data === undefined ? null : resolve(flags.data),
    study: resolve(flags.study),
    rounds: flags.rounds ?? null,
    noise: flags.noise ?? null,
    epsilon: flags.epsilon ?? null,
    delta: flags.delta ?? null,
    seed: flags.seed ?? null,
    out: resolve(flags.out ?? join('runs', stamp)),
    keep: flags.keep === true,
    sites: flags.sites ?? null,
    split: flags.split === true,
    direct: flags.direct === true,
    lies: flags.lie,
    faults: faultsOf(flags),
    backend: flags.backend ?? null,
  };
}

function lie(text: string, earlier: SimulationOptions['lies']): SimulationOptions['lies'] {
  const [party = '', what = ''] = text.split(/:(.*)/s, 2);
  if (party === '' || what === '') throw new InvalidArgumentError('must be <party>:<what>, such as enclave:debug=true');
  return [...earlier, { party, lie: what }];
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100_000)
    throw new InvalidArgumentError('must be a whole number from 1 to 100000');
  return value;
}

function backend(text: string): SimulationOptions['backend'] {
  if (text === 'tensorflow' || text === 'wasm' || text === 'cpu') return text;
  throw new InvalidArgumentError('must be tensorflow, wasm or cpu');
}
