/**
 * How Node is started for an attested program, whatever the flags and variables of the process that starts it. No
 * modules from the home folder or the folder of Node itself: nobody measured them.
 */
export const PROGRAM_NODE_FLAGS: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  '--no-global-search-paths',
];

/** Variables that an attested program may see. None of them makes Node, its loader or OpenSSL load a file. */
const PASSED_ON: readonly string[] = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'CONSILIUM_DEBUG'];

/** What of a start is measured: everything but the program's own arguments. */
export interface ProgramLaunch {
  /** `process.version` of the Node that runs this; the program is started with the same. */
  readonly nodeVersion: string;
  readonly nodeFlags: readonly string[];
  /** Names of the variables that are passed on when set. */
  readonly environment: readonly string[];
}

export const programLaunch = (): ProgramLaunch => ({
  nodeVersion: process.version,
  nodeFlags: PROGRAM_NODE_FLAGS,
  environment: PASSED_ON,
});

/** The environment of an attested program: the allowed variables of `from`, and nothing else. */
export function programEnvironment(from: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const allowed = PASSED_ON.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]] as const]));
  // `spawn` hands this one on by itself unless the name stands here; the program's own sources would be written there.
  return { ...Object.fromEntries(allowed), NODE_V8_COVERAGE: undefined };
}
