import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { loadConfig } from '../../lib/config/config-file.ts';
import type { SimulationSettings } from '../../lib/config/program-fields.ts';
import { endWithSupervisor } from '../../lib/config/run-program.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import { addExamples, HELP_GROUP, type CommandModule } from '../command-module.ts';
import { reportFault } from '../program.ts';
import { PROGRAM_ENTRIES } from '../setup/program-entries.ts';
import { siteAcceptBackup } from './site/accept-backup.ts';
import { siteSent } from './site/sent.ts';

/** `consilium coordinator`: the untrusted organiser. */
export const coordinatorCommand: CommandModule = {
  register(program, io) {
    const command = withConfig(program.command('coordinator'))
      .summary('run the coordinator of a study')
      .description('Runs the coordinator: it stores, schedules and relays, and is trusted by nobody for privacy.')
      .action(async () => {
        endWithSupervisor();
        const { runCoordinator } = await import('../../coordinator/run-coordinator.ts');
        const controller = new AbortController();
        const now = (): void => {
          controller.abort();
        };
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, now);
        // Whatever it still holds open (its server, hospitals' streams) must not keep a coordinator alive that has stopped.
        try {
          await runCoordinator(configPath(command), { signal: controller.signal, now });
        } catch (fault) {
          process.exit(reportFault(fault, io, command.optsWithGlobals<{ json?: true }>().json === true));
        }
        process.exit(0);
      });
    addExamples(command, [['consilium coordinator --config coordinator.yaml', 'In a terminal of its own:']]);
  },
};

/** `consilium enclave`: the aggregator enclave, on real hardware or under a simulated chip. */
export const enclaveCommand: CommandModule = {
  register(program) {
    const command = withConfig(program.command('enclave'))
      .summary('run the aggregator enclave of a study')
      .description(
        'Runs the aggregator enclave, on the hardware that the configuration names. In simulation this process is the ' +
          'chip: it measures the program, starts it and attests it.',
      )
      .action(async () => {
        endWithSupervisor();
        const { enclaveConfig } = await import('../../aggregator-enclave/host/config.ts');
        const path = configPath(command);
        const config = await loadConfig(path, enclaveConfig);
        if (!config.ok) throw new RefusalError(...config.error);
        await runOnPlatform({ path, role: 'enclave', simulation: config.value.simulation });
      });
    addExamples(command, [['consilium enclave --config enclave.yaml', 'In a terminal of its own:']]);
  },
};

/** `consilium site`: a hospital's agent, on real hardware or under a simulated chip. */
export const siteCommand: CommandModule = {
  register(program, io) {
    const command = withConfig(program.command('site'))
      .summary("run a hospital's agent")
      .description(
        "Runs a hospital's agent: it checks contract, enclave and cohort itself before anything leaves the building.",
      )
      .action(async () => {
        endWithSupervisor();
        const { siteConfig } = await import('../../site-agent/config.ts');
        const path = configPath(command);
        const config = await loadConfig(path, siteConfig);
        if (!config.ok) throw new RefusalError(...config.error);
        await runOnPlatform({ path, role: 'site', simulation: config.value.simulation });
      });
    addExamples(command, [['consilium site --config site.yaml', 'At the hospital:']]);
    siteAcceptBackup.register(command, io);
    siteSent.register(command, io);
  },
};

const withConfig = (command: Command): Command =>
  command.helpGroup(HELP_GROUP.run).requiredOption('--config <file>', 'the configuration file');

const configPath = (command: Command): string => resolve(command.opts<{ config: string }>().config);

interface ProgramRun {
  readonly path: string;
  readonly role: 'enclave' | 'site';
  /** Settings of the simulated platform; absent: real hardware. */
  readonly simulation: SimulationSettings | undefined;
}

/** On real hardware this process becomes the program; in simulation it becomes the chip, which starts the program. */
async function runOnPlatform({ path, role, simulation }: ProgramRun): Promise<void> {
  if (simulation === undefined) {
    const entry = PROGRAM_ENTRIES[role];
    process.argv = [process.execPath, entry, '--config', path];
    await import(pathToFileURL(entry).href);
    return;
  }
  const { runSimulatedChip } = await import('../setup/simulated-chip.ts');
  const { rootSeedFile, instance, lies, fixedTime } = simulation;
  const args = ['--config', path];
  const program = `${role}-simulation` as const;
  const exitCode = await runSimulatedChip({ rootSeedFile, instance, lies, role, program, args, fixedTime });
  process.exit(exitCode);
}
