import type { CommandModule } from './command-module.ts';

/** In the order in which help shows them. Loaded when needed: together they take longer than most commands run. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  simulate: async () => (await import('./commands/simulate.ts')).simulateCommand,
  org: async () => (await import('./commands/org.ts')).orgCommand,
  contract: async () => (await import('./commands/contract.ts')).contractCommand,
  tls: async () => (await import('./commands/tls.ts')).tlsCommand,
  chip: async () => (await import('./commands/chip.ts')).chipCommand,
  coordinator: async () => (await import('./commands/programs.ts')).coordinatorCommand,
  enclave: async () => (await import('./commands/programs.ts')).enclaveCommand,
  site: async () => (await import('./commands/programs.ts')).siteCommand,
  study: async () => (await import('./commands/study.ts')).studyCommand,
  data: async () => (await import('./commands/data.ts')).dataCommand,
  verify: async () => (await import('./commands/verify.ts')).verifyCommand,
  predict: async () => (await import('./commands/predict.ts')).predictCommand,
  privacy: async () => (await import('./commands/privacy.ts')).privacyCommand,
  collateral: async () => (await import('./commands/collateral.ts')).collateralCommand,
  attest: async () => (await import('./commands/attest.ts')).attestCommand,
  measure: async () => (await import('./commands/measure.ts')).measureCommand,
  errors: async () => (await import('./commands/errors.ts')).errorsCommand,
};

/** The one command that is named, or all of them for help and for names that do not exist. */
export async function modulesFor(words: readonly string[]): Promise<readonly CommandModule[]> {
  const name = words.find((word) => !word.startsWith('-')) ?? '';
  const wanted = Object.hasOwn(COMMANDS, name) ? [COMMANDS[name]] : Object.values(COMMANDS);
  return Promise.all(wanted.flatMap((load) => (load === undefined ? [] : [load()])));
}
