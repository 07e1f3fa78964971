import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import type { Progress } from '../output/progress-event.ts';
import { repositoryRoot } from '../setup/program-entries.ts';
import type { PreparedParty } from './prepare.ts';

const FIRST_RESTART_MS = 250;
const LARGEST_RESTART_MS = 8_000;
/** A program that lived this long starts again with the first pause. */
const HEALTHY_AFTER_MS = 30_000;
const MAX_QUICK_DEATHS = 8;
const GRACE_MS = 6_000;
/** Verification, usage, data, refusal, configuration (lib/core/errors.ts): starting again would only fail again. */
const FINAL_EXIT_CODES: ReadonlySet<number | null> = new Set([40, 41, 42, 64, 65, 77, 78]);

interface Member {
  readonly party: PreparedParty;
  readonly log: string;
  child: ChildProcess;
  startedAt: number;
  quickDeaths: number;
  /** Killed because somebody asked for it: says nothing about its health. */
  wasStruck: boolean;
}

interface Parts {
  readonly progress: Progress;
  /** Folder for what the programs write to their standard output and error. */
  readonly logs: string;
  /** A hospital's program died; it is started again, or else the study may go on without it. */
  readonly onSiteDied: (site: string, death: { readonly how: string; readonly forGood: boolean }) => void;
  readonly onRestarted?: (name: string) => void;
}

/** The operating-system processes of a run: restarted with growing pauses when they die, stopped together. */
export class ProcessGroup {
  readonly #parts: Parts;
  readonly #members: Member[] = [];
  /** Every process group that was ever started here. */
  readonly #groups = new Set<number>();
  readonly #failed = Promise.withResolvers<never>();
  #stopping = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    // Somebody may stop before they wait.
    this.#failed.promise.catch(() => undefined);
  }

  /** Rejects with RefusalError when coordinator or enclave could not be kept alive. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Starts `consilium <command> --config <file>`, exactly what a person would type. */
  start(party: PreparedParty): void {
    mkdirSync(this.#parts.logs, { recursive: true });
    const log = join(this.#parts.logs, `${party.name}.out`);
    const child = this.#launch(party, log);
    const member = { party, log, child, startedAt: performance.now(), quickDeaths: 0, wasStruck: false };
    this.#members.push(member);
    this.#watch(member);
    this.#show(member, 'started', `pid ${member.child.pid ?? 0}`);
  }

  /** Asks every process to stop, waits, then kills what is left. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const ending = this.#members.map(({ child }) => {
      if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
      return new Promise<void>((resolve) => {
        const killer = setTimeout(() => {
          this.kill();
        }, GRACE_MS);
        child.once('exit', () => {
          clearTimeout(killer);
          resolve();
        });
        child.kill('SIGTERM');
      });
    });
    await Promise.all(ending);
    // A program whose chip was killed may still be on its way out.
    this.kill();
  }

  /** SIGKILL to all processes of one party, as when its machine loses power; they are started again like after any death. */
  strike(name: string): void {
    for (const member of this.#members) {
      const { pid, exitCode, signalCode } = member.child;
      if (member.party.name !== name || pid === undefined || exitCode !== null || signalCode !== null) continue;
      member.wasStruck = true;
      killGroup(pid);
    }
  }

  /** Ends everything at once. */
  kill(): void {
    this.#stopping = true;
    for (const group of this.#groups) killGroup(group);
  }

  #watch(member: Member): void {
    member.child.once('exit', (code, signal) => {
      if (this.#stopping) return;
      const how = signal ?? `exit ${code ?? 0}`;
      this.#show(member, 'died', how);
      const lived = performance.now() - member.startedAt;
      if (lived >= HEALTHY_AFTER_MS || member.wasStruck) member.quickDeaths = 0;
      member.wasStruck = false;
      const forGood = FINAL_EXIT_CODES.has(code) || member.quickDeaths >= MAX_QUICK_DEATHS;
      if (member.party.command === 'site') this.#parts.onSiteDied(member.party.name, { how, forGood });
      if (forGood) this.#giveUp(member, how);
      else this.#restartLater(member);
    });
  }

  #restartLater(member: Member): void {
    const delay = Math.min(FIRST_RESTART_MS * 2 ** member.quickDeaths, LARGEST_RESTART_MS);
    member.quickDeaths += 1;
    setTimeout(() => {
      if (this.#stopping) return;
      member.child = this.#launch(member.party, member.log);
      member.startedAt = performance.now();
      this.#watch(member);
      this.#show(member, 'restarted', `pid ${member.child.pid ?? 0}`);
      this.#parts.onRestarted?.(member.party.name);
    }, delay);
  }

  #giveUp(member: Member, how: string): void {
    const { name, command } = member.party;
    this.#show(member, 'stopped', `${how}; its output is in ${member.log}`);
    if (command !== 'site')
      this.#failed.reject(new RefusalError(refusal('E-PROCESS', `${name} ended (${how}); see ${member.log}`)));
  }

  #launch({ command, config }: PreparedParty, log: string): ChildProcess {
    const output = openSync(log, 'a', 0o600);
    const main = join(repositoryRoot, 'cli', 'main.ts');
    const child = spawn(process.execPath, [...process.execArgv, main, command, '--config', config], {
      cwd: dirname(config),
      // A group of its own: Ctrl-C reaches the simulator only, which then stops everybody in order.
      detached: true,
      // When the channel closes, the simulator is gone, and they end.
      stdio: ['ignore', output, output, 'ipc'],
    });
    closeSync(output);
    if (child.pid !== undefined) this.#groups.add(child.pid);
    return child;
  }

  #show({ party }: Member, state: 'started' | 'died' | 'restarted' | 'stopped', detail: string): void {
    this.#parts.progress.show({ type: 'process', name: party.name, state, detail });
  }
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'ESRCH') throw fault;
  }
}
