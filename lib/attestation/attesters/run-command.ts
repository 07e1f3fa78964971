import { execFile } from 'node:child_process';

const PASSED_ON = ['PATH', 'HOME', 'LD_LIBRARY_PATH'];

export interface CommandLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/**
 * Runs a program without a shell and gives its standard output; what it writes elsewhere is dropped, and only the
 * variables that a loader needs reach it. Rejects with an Error whose `code` is the exit status, the system's name of
 * what went wrong, or ETIMEDOUT.
 */
export function runCommand([program = '', ...args]: readonly string[], limits: CommandLimits): Promise<string> {
  const env = Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]]));
  const options = { env, timeout: limits.timeoutMs, maxBuffer: limits.maxBytes, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (fault, stdout) => {
      if (fault === null) resolve(stdout);
      else reject(Object.assign(new Error('command'), { code: fault.code ?? 'ETIMEDOUT' }));
    });
    child.stdin?.end();
  });
}
