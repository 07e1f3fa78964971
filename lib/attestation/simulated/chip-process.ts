import { spawn, type ChildProcess } from 'node:child_process';
import { relative } from 'node:path';
import type { Digest } from '../../core/ids.ts';
import type { Role } from '../claims.ts';
import { measureProgram } from '../measure/measure-program.ts';
import { PROGRAM_NODE_FLAGS, programEnvironment } from '../measure/program-launch.ts';
import { decodeChipRequest, encodeChipResponse, type ChipResponse } from './chip-protocol.ts';
import type { LoadedProgram, SimulatedChip } from './chip.ts';
import { afterDeath, DEFAULT_RESTART_LIMITS, type RestartLimits } from './restart-policy.ts';

const GRACE_MS = 10_000;
const PARENT_CHECK_MS = 500;
const EXIT_SOFTWARE = 70;

/** What happened, for the chip's log; no secret in it. */
export type ChipEvent =
  | { readonly event: 'started'; readonly pid: number; readonly measurement: Digest }
  | {
      readonly event: 'died';
      readonly exitCode: number | null;
      readonly signal: string | null;
      readonly restartInMs: number;
    }
  /** The files could not be measured or Node could not be started: why, and with which file where one is to blame. */
  | { readonly event: 'start-failed'; readonly fault: string; readonly file: string | null }
  | { readonly event: 'gave-up'; readonly exitCode: number }
  | { readonly event: 'stopping'; readonly reason: string };

export interface ChipProcessOptions {
  readonly chip: SimulatedChip;
  readonly role: Role;
  /** The program: a TypeScript or JavaScript file inside `repositoryRoot`, and its arguments. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly repositoryRoot: string;
  readonly report: (event: ChipEvent) => void;
  readonly restart?: RestartLimits;
  /** How long a program may take to end after a signal, before it is killed. */
  readonly graceMs?: number;
}

export interface Stopping {
  readonly signal: NodeJS.Signals;
  /** True when the program has had this signal already. */
  readonly delivered: boolean;
  readonly reason: string;
}

export interface ChipProcess {
  /** Resolves with the exit code that this process should have, once the program has ended for good. */
  readonly ended: Promise<number>;
  /** Passes the signal on, waits, then kills. Further calls do nothing. */
  stop(stopping: Stopping): void;
}

/**
 * The shell of a simulated chip: measures the program's files itself, starts it with an IPC channel of its own,
 * answers on that channel only, and starts it again with growing delays when it dies. It outlives the program's
 * kill -9. Node's flags and variables of this process do not reach the program. The files are hashed before each
 * start, not while Node loads them: a stand-in, not a protection. Throws when the first start fails; a later one
 * counts as a death.
 */
export function startChipProcess(options: ChipProcessOptions): ChipProcess {
  const { chip, role, entry, args, repositoryRoot, report, restart = DEFAULT_RESTART_LIMITS } = options;
  const graceMs = options.graceMs ?? GRACE_MS;
  let child: ChildProcess | null = null;
  let delay: NodeJS.Timeout | null = null;
  let killer: NodeJS.Timeout | null = null;
  let stoppedBy: NodeJS.Signals | null = null;
  let quickDeaths = 0;
  const { promise: ended, resolve: end } = Promise.withResolvers<number>();

  function start(): void {
    const program: LoadedProgram = { measurement: measureProgram(entry, repositoryRoot).digest, role };
    const startedAt = performance.now();
    const started = spawn(process.execPath, [...PROGRAM_NODE_FLAGS, entry, ...args], {
      env: programEnvironment(process.env),
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    child = started;
    started.on('message', (message) => {
      const answer = answerTo(chip, program, message);
      // The program may die between asking and being answered; its next life asks again.
      if (answer !== null && started.connected) started.send(answer, () => undefined);
    });
    started.on('error', (fault) => {
      if (started.pid !== undefined) return;
      child = null;
      onFailedStart(fault);
    });
    started.once('spawn', () => {
      report({ event: 'started', pid: started.pid ?? 0, measurement: program.measurement });
    });
    started.once('exit', (exitCode, signal) => {
      child = null;
      onExit(exitCode, signal, performance.now() - startedAt);
    });
  }

  function onExit(exitCode: number | null, signal: NodeJS.Signals | null, livedMs: number): void {
    if (killer !== null) clearTimeout(killer);
    if (stoppedBy !== null) {
      end(exitCode ?? (signal === stoppedBy ? 0 : EXIT_SOFTWARE));
      return;
    }
    const next = afterDeath({ exitCode, livedMs, quickDeaths }, restart);
    if (next.kind === 'end') {
      if (next.exitCode !== 0) report({ event: 'gave-up', exitCode: next.exitCode });
      end(next.exitCode);
      return;
    }
    quickDeaths = next.quickDeaths;
    report({ event: 'died', exitCode, signal, restartInMs: next.inMs });
    delay = setTimeout(startAgain, next.inMs);
  }

  function startAgain(): void {
    try {
      start();
    } catch (fault) {
      onFailedStart(fault);
    }
  }

  function onFailedStart(fault: unknown): void {
    const { code, path, name = 'unknown' }: Partial<NodeJS.ErrnoException> = fault instanceof Error ? fault : {};
    report({
      event: 'start-failed',
      fault: code ?? name,
      file: path === undefined ? null : relative(repositoryRoot, path),
    });
    onExit(null, null, 0);
  }

  start();
  return {
    ended,
    stop({ signal, delivered, reason }) {
      if (stoppedBy !== null) return;
      stoppedBy = signal;
      report({ event: 'stopping', reason });
      if (delay !== null) clearTimeout(delay);
      if (child === null) {
        end(0);
        return;
      }
      const stopping = child;
      if (!delivered) stopping.kill(signal);
      killer = setTimeout(() => stopping.kill('SIGKILL'), graceMs);
    },
  };
}

/** Calls `onGone` once when the process that started this one has ended. Returns a function that stops watching. */
export function watchParent(onGone: () => void): () => void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent && isAlive(parent)) return;
    clearInterval(timer);
    onGone();
  }, PARENT_CHECK_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Null: not a request; a chip does not talk to what it does not understand. */
function answerTo(chip: SimulatedChip, program: LoadedProgram, message: unknown): string | null {
  const request = decodeChipRequest(message);
  if (!request.ok) return null;
  const { id, ask } = request.value;
  const answer: ChipResponse['answer'] =
    ask.kind === 'sealing-key'
      ? { kind: 'sealing-key', key: chip.sealingKey(program) }
      : { kind: 'evidence', evidence: chip.quote(program, ask) };
  return encodeChipResponse({ id, answer });
}
