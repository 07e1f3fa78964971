import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openStatement, type SignedStatement } from '../../lib/audit/statement.ts';
import { decodeCbor } from '../../lib/core/cbor.ts';
import { processesOf } from './e2e-processes.ts';

export const repositoryRoot = join(import.meta.dirname, '..', '..');
const LAUNCHER = join(repositoryRoot, 'bin', 'consilium.mjs');

/** One line of `--json`. */
export type Line = Readonly<Record<string, unknown>>;

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** From start to end, milliseconds. */
  readonly ms: number;
}

/** `consilium simulate … --json` as a process of its own, in a process group of its own like that of a terminal. */
export class SimulateRun {
  readonly out: string;
  readonly lines: Line[] = [];
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #isOver = false;

  private constructor(args: readonly string[], out: string) {
    this.out = out;
    const startedAt = performance.now();
    const child = spawn(process.execPath, [LAUNCHER, 'simulate', ...args, '--out', out, '--json'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A dozen programs start in every run: what Node compiled for the last one is used again.
      env: { ...process.env, NODE_COMPILE_CACHE: join(repositoryRoot, 'node_modules', '.cache', 'e2e-compiled') },
    });
    this.#child = child;
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) this.lines.push(JSON.parse(part) as Line);
      this.#wake();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#isOver = true;
        this.#wake();
        resolve({ code, signal, ms: performance.now() - startedAt });
      });
    });
  }

  static start(args: readonly string[], out: string): SimulateRun {
    return new SimulateRun(args, out);
  }

  /** The first line, already printed or still to come, that `wanted` accepts; rejects when the run ends without it. */
  async line(wanted: (line: Line) => boolean, withinMs = 45_000): Promise<Line> {
    const until = performance.now() + withinMs;
    for (let next = 0; ;) {
      const line = this.lines[next];
      if (line !== undefined) {
        next += 1;
        if (wanted(line)) return line;
        continue;
      }
      if (this.#isOver || performance.now() > until) throw new Error(`no such line; ${this.story()}`);
      await this.#more(until);
    }
  }

  /** Resolves when the run has printed that `round` entered `phase`. */
  async phase(round: number, phase: string, withinMs?: number): Promise<void> {
    await this.line((line) => line['type'] === 'round' && line['round'] === round && line['phase'] === phase, withinMs);
  }

  /** The summary of a run that ends well. */
  async summary(): Promise<Line> {
    const { code } = await this.ended;
    const last = this.lines.at(-1);
    if (code !== 0 || last?.['type'] !== 'summary') throw new Error(`no summary, exit ${code ?? 0}; ${this.story()}`);
    return last;
  }

  /** Ctrl-C in a terminal reaches the launcher and the command alike. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the run did not start');
    return this.#child.pid;
  }

  /** Of the process that the simulator started for a party: the coordinator itself, or a program's chip. */
  processOf(party: string): number {
    const line = this.lines.findLast(({ type, name, detail }) => {
      return type === 'process' && name === party && String(detail).startsWith('pid ');
    });
    return Number(String(line?.['detail']).slice('pid '.length));
  }

  /** Of the program that runs under the chip of a party. */
  programOf(party: string): number {
    const text = readFileSync(join(this.out, 'work', 'logs', `${party}.out`), 'utf8');
    const started = text.split('\n').findLast((line) => line.includes('"started"'));
    return Number((JSON.parse(started ?? '{}') as { pid?: number }).pid);
  }

  /** For the message of a failed test. */
  story(): string {
    const shown = this.lines.slice(-12).map((line) => JSON.stringify(line).slice(0, 300));
    return [...shown, this.stderr.slice(-2000)].join('\n');
  }

  /** Kills what a failed test left. */
  dispose(): void {
    for (const pid of processesOf(this.out)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone already, as it should be.
      }
    }
  }

  #more(until: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(1, until - performance.now()));
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

export interface Workshop {
  /** A path inside the test file's own folder. */
  readonly path: (name: string) => string;
  /** Starts `simulate` with its run folder at `path(name)`. */
  readonly simulate: (name: string, args: readonly string[]) => SimulateRun;
}

/** A temporary folder for one test file; what its tests leave running ends with it. */
export function workshop(): Workshop {
  const root = mkdtempSync(join(tmpdir(), 'consilium-e2e-'));
  const running: SimulateRun[] = [];
  afterAll(() => {
    for (const run of running) run.dispose();
    rmSync(root, { recursive: true, force: true });
  });
  const path = (name: string): string => join(root, name);
  return {
    path,
    simulate: (name, args) => {
      const run = SimulateRun.start(args, path(name));
      running.push(run);
      return run;
    },
  };
}

/** The statements of a finished run, oldest first. */
export function statementsOf({ out }: SimulateRun): SignedStatement[] {
  const decoded = decodeCbor(new Uint8Array(readFileSync(join(out, 'statements.cbor'))));
  if (!decoded.ok || !Array.isArray(decoded.value)) throw new Error('statements.cbor is no list');
  return decoded.value.map((bytes) => {
    const opened = bytes instanceof Uint8Array ? openStatement(bytes) : null;
    if (opened?.ok !== true) throw new Error('statements.cbor holds what is no statement');
    return opened.value;
  });
}
