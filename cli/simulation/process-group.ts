import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import type { Progress } from '../output/progress-event.ts';
import { repositoryRoot } from '../setup/draft.ts';
import type { PreparedParty } from './prepare.ts';

const FIRST_RESTART_MS = 250;
const LARGEST_RESTART_MS = 8_000;
const MAX_RESTARTS = 8;
const GRACE_MS = 12_000;

interface Member {
  readonly party: PreparedParty;
  readonly log: string;
  child: ChildProcess;
  restarts: number;
}

/** The operating-system processes of a run: restarted with growing pauses when they die, stopped together. */
export class ProcessGroup {
  readonly #members: Member[] = [];
  readonly #progress: Progress;
  readonly #failed = Promise.withResolvers<never>();
  #stopping = false;

  constructor(progress: Progress) {
    this.#progress = progress;
    // Somebody may stop before they wait.
    this.#failed.promise.catch(() => undefined);
  }

  /** Rejects with RefusalError when a program could not be kept alive. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Starts `consilium <command> --config <file>`, exactly what a person would type; its output goes to `logs`. */
  start(party: PreparedParty, logs: string): void {
    mkdirSync(logs, { recursive: true });
    const log = join(logs, `${party.name}.out`);
    const member: Member = { party, log, child: launch(party, log), restarts: 0 };
    this.#members.push(member);
    this.#watch(member);
    this.#progress.show({
      type: 'process',
      name: party.name,
      state: 'started',
      detail: `pid ${member.child.pid ?? 0}`,
    });
  }

  /** Asks every process to stop, waits, then kills what is left. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const ending = this.#members.map(({ child }) => {
      if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
      return new Promise<void>((resolve) => {
        const killer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
        child.once('exit', () => {
          clearTimeout(killer);
          resolve();
        });
        child.kill('SIGTERM');
      });
    });
    await Promise.all(ending);
  }

  #watch(member: Member): void {
    const { party, child } = member;
    child.once('exit', (code, signal) => {
      if (this.#stopping) return;
      this.#progress.show({ type: 'process', name: party.name, state: 'died', detail: signal ?? `exit ${code ?? 0}` });
      if (member.restarts >= MAX_RESTARTS || isRefusal(code)) {
        this.#failed.reject(
          new RefusalError(
            refusal('E-PROCESS', `${party.name} ended (${signal ?? `exit ${code ?? 0}`}); its log is ${member.log}`),
          ),
        );
        return;
      }
      const delay = Math.min(FIRST_RESTART_MS * 2 ** member.restarts, LARGEST_RESTART_MS);
      member.restarts += 1;
      setTimeout(() => {
        if (this.#stopping) return;
        member.child = launch(party, member.log);
        this.#watch(member);
        this.#progress.show({ type: 'process', name: party.name, state: 'restarted' });
      }, delay);
    });
  }
}

/** A program that refused its configuration or its data will refuse again. */
const isRefusal = (code: number | null): boolean => code !== null && code >= 40 && code !== 70 && code < 128;

function launch({ command, config }: PreparedParty, log: string): ChildProcess {
  const output = openSync(log, 'a', 0o600);
  // A group of its own: Ctrl-C reaches the simulator only, which then stops everybody in order.
  const child = spawn(
    process.execPath,
    [...process.execArgv, join(repositoryRoot, 'cli', 'main.ts'), command, '--config', config],
    {
      cwd: dirname(config),
      detached: true,
      stdio: ['ignore', output, output],
    },
  );
  closeSync(output);
  return child;
}
